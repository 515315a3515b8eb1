"""How long a link in a mailbox works, to the microsecond; who may use it is in the attacks on the ways in."""

import pytest
from msgspec.structs import replace

from consent.acts import link
from consent.acts.house import Letter
from consent.words.errors import NotSignedIn
from consent.words.instants import MINUTE
from tests.world import World

from .test_notify import Mailbox

ADDRESS = "somebody@example.org"


async def letter_to(world: World) -> tuple[str, str]:
    """A link that was asked for now: its secret and the browser's cookie."""
    box = Mailbox()
    world.house = replace(world.house, mailer=box)
    cookie = await link.ask(
        world.house,
        address=ADDRESS,
        visitor=None,
        compose=lambda address, secret: Letter(to=address, subject="-", text=secret),
    )
    return box.letters[0].text, cookie


@pytest.mark.parametrize("after", [15 * MINUTE - 1, 15 * MINUTE])
async def test_it_works_for_fifteen_minutes(world: World, after: int) -> None:
    secret, cookie = await letter_to(world)
    world.at += after
    world.pass_time(0)
    opened = await link.look(world.house, secret=secret, cookie=cookie)
    follow = link.follow(world.house, secret=secret, cookie=cookie, visitor=None, before=None)
    if after < 15 * MINUTE:
        assert opened is not None
        assert await follow is not None
        return
    assert opened is None
    with pytest.raises(NotSignedIn):
        await follow
