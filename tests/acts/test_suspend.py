"""What an operator takes away holds before the next disclosure, and comes back whole when it is restored."""

from pathlib import Path

import msgspec
import pytest

from consent.acts import inspect as inspecting
from consent.acts import redeem as redeeming
from consent.acts.disclose import Given, Refused
from consent.acts.grant import Again
from consent.acts.operate import Operator
from consent.acts.oversee import journal, listing
from consent.acts.overview import overview
from consent.acts.receipt import receipt
from consent.acts.suspend import Standing, Subject, restore, subject, suspend
from consent.acts.use import Refused as NotUsed
from consent.acts.use import Registered
from consent.oauth.metadata import INTROSPECT_PATH, TOKEN_PATH
from consent.oauth.token import ClientCredentials, CodeExchange, Refresh
from consent.planting import add_organisation
from consent.words.errors import BadInput, InvalidAuthorizationDetails, NotFound, UnauthorizedClient
from tests.world import MUNICIPALITY, PURPOSE, VERIFIER, World, _seed_with_keys

ANNA = Operator("anna")
CITY = Subject("organisation", "voorbeeldstad")
DESK = Subject("client", MUNICIPALITY)
ALLOWANCE = Subject("purpose", PURPOSE, 1)
EACH = pytest.mark.parametrize("about", [CITY, DESK, ALLOWANCE], ids=lambda about: about.kind)


async def do(world: World, change: object, about: Subject, note: str = "") -> Standing:
    return (await world.house.scribe.do(change(about, by=ANNA, note=note))).outcome  # type: ignore[operator]


async def refresh(world: World, token: str) -> redeeming.Tokens:
    _, caller = await world.caller(MUNICIPALITY, {}, TOKEN_PATH)
    return await redeeming.redeem(world.house, caller, Refresh(refresh_token=token))


async def is_active(world: World, token: str) -> bool:
    _, caller = await world.caller(MUNICIPALITY, {}, INTROSPECT_PATH)
    return bool((await inspecting.introspect(world.house, caller, token))["active"])


@EACH
async def test_every_door_is_shut_before_the_next_knock_and_opens_again(
    world: World, about: Subject, tmp_path: Path
) -> None:
    given = await world.given()
    before = await world.disclose(given.tokens, key="one")
    assert isinstance(before, Given)
    waiting = await world.ask()
    assert await do(world, suspend, about) == Standing(about.reference, "suspended", changed=True)

    reason = f"{about.kind}_suspended"
    assert await world.disclose(given.tokens) == Refused(reason)
    again = await world.disclose(given.tokens, key="one")
    assert isinstance(again, Refused)
    assert (again.reason, again.leaf) == (reason, before.leaf)
    assert await world.use(given.tokens, before.disclosure) == NotUsed(reason)
    assert given.tokens.refresh_token is not None
    with pytest.raises(UnauthorizedClient):
        await refresh(world, given.tokens.refresh_token)
    assert not await is_active(world, given.tokens.access_token)
    with pytest.raises((UnauthorizedClient, InvalidAuthorizationDetails)):
        await world.ask()
    answered = await world.answer(waiting)
    assert isinstance(answered, Again)
    assert answered.trouble == "changed"

    assert await do(world, restore, about) == Standing(about.reference, "approved", changed=True)
    assert isinstance(await world.disclose(given.tokens), Given)
    assert isinstance(await world.use(given.tokens, before.disclosure), Registered)
    assert (await refresh(world, given.tokens.refresh_token)).access_token
    assert await is_active(world, given.tokens.access_token)
    report = await world.audit(tmp_path / "log")
    assert report.exit_code == 0, report.sentences


@EACH
async def test_a_code_is_not_lost_by_a_suspension(world: World, about: Subject) -> None:
    answered = await world.answer(await world.ask())
    code = await world.code(answered)
    await do(world, suspend, about)
    _, caller = await world.caller(MUNICIPALITY, {}, TOKEN_PATH)
    with pytest.raises(UnauthorizedClient, match="nothing is lost"):
        await redeeming.redeem(
            world.house, caller, CodeExchange(code=code, redirect_uri=None, verifier=VERIFIER)
        )
    await do(world, restore, about)
    assert (await world.exchange(code)).grant is not None


@pytest.mark.parametrize("about", [CITY, DESK], ids=lambda about: about.kind)
async def test_a_suspended_client_gets_no_token_of_its_own(world: World, about: Subject) -> None:
    await do(world, suspend, about)
    _, caller = await world.caller(MUNICIPALITY, {}, TOKEN_PATH)
    with pytest.raises(UnauthorizedClient):
        await redeeming.redeem(world.house, caller, ClientCredentials())


async def test_a_stop_still_stops_and_her_pages_still_answer(world: World) -> None:
    given = await world.given()
    await do(world, suspend, CITY)
    await world.stop(given.grant)
    await do(world, restore, CITY)
    assert await world.disclose(given.tokens) == Refused("not_active")


@EACH
async def test_she_reads_that_it_is_on_hold(world: World, about: Subject) -> None:
    given = await world.given()
    for change, on_hold in ((suspend, True), (restore, False)):
        await do(world, change, about)
        seen = await overview(world.house, citizen=given.citizen, language="nl")
        assert [(card.id, card.on_hold) for card in seen.grants] == [(given.grant, on_hold)]
        kept = await receipt(world.house, citizen=given.citizen, grant=given.grant, language="nl")
        assert kept.on_hold is on_hold


async def test_one_version_of_a_purpose_or_all_of_them(world: World) -> None:
    given = await world.given()
    with pytest.raises(NotFound):
        await do(world, suspend, Subject("purpose", PURPOSE, 2))
    await do(world, suspend, Subject("purpose", PURPOSE))
    assert await world.disclose(given.tokens) == Refused("purpose_suspended")
    other = [one for one in await listing(world.house, "purpose") if one.id != f"{PURPOSE}@1"]
    assert {one.status for one in other} == {"approved"}


async def test_each_change_is_a_public_line_and_a_line_of_the_journal_once(world: World) -> None:
    before = await size(world)
    for about in (CITY, DESK, ALLOWANCE):
        await do(world, suspend, about, "a complaint is looked into")
        assert not (await do(world, suspend, about)).changed
        await do(world, restore, about)
    bodies = [await body(world, index) for index in range(before, await size(world))]
    assert [b["ev"] for b in bodies] == [
        f"{about.kind}.{change}" for about in (CITY, DESK, ALLOWANCE) for change in ("suspended", "restored")
    ]
    assert bodies[0].keys() == {"ev", "i", "o", "org", "t"}
    assert bodies[2]["client"] == MUNICIPALITY
    assert bodies[4]["purpose"] == f"{PURPOSE}@1"
    assert "complaint" not in str(bodies)
    lines = [line for line in await journal(world.house) if line.operator == "anna"]
    assert sorted((line.act, line.kind, line.subject) for line in lines) == sorted(
        (act, about.kind, about.reference)
        for about in (CITY, DESK, ALLOWANCE)
        for act in ("suspended", "restored")
    )


async def test_a_file_that_is_added_again_restores_nothing(world: World) -> None:
    """Otherwise whoever changes a word of a file would undo what was taken away, and no line would say so."""
    given = await world.given()
    await do(world, suspend, ALLOWANCE)
    seed, _ = _seed_with_keys()
    for file in seed.organisations:
        await add_organisation(world.house, file)
    assert await world.disclose(given.tokens) == Refused("purpose_suspended")


async def test_what_does_not_exist_cannot_be_suspended(world: World) -> None:
    before = await size(world)
    for about in (
        Subject("organisation", "nobody"),
        Subject("client", "nobody"),
        Subject("purpose", "nothing"),
    ):
        with pytest.raises(NotFound):
            await do(world, suspend, about)
    with pytest.raises(BadInput):
        await do(world, suspend, CITY, "a note\nof two lines")
    assert await size(world) == before


@pytest.mark.parametrize("reference", ["", "Upper", "a@", "a@0", "a@x", "a@1@2", "../x", "a b"])
def test_a_reference_is_an_id_or_an_id_at_version(reference: str) -> None:
    with pytest.raises(BadInput):
        subject("purpose", reference)


def test_only_a_purpose_has_versions() -> None:
    assert subject("purpose", "loan@3") == Subject("purpose", "loan", 3)
    with pytest.raises(BadInput):
        subject("client", "desk@3")


async def size(world: World) -> int:
    (row,) = await world.house.store.read("head.get", world.house.log)
    count: int = row[2]
    return count


async def body(world: World, index: int) -> dict[str, object]:
    (row,) = await world.house.store.read("entry.get", world.house.log, index)
    said: dict[str, object] = msgspec.json.decode(row[2][152:])
    return said
