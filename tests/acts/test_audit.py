"""An auditor opens one organisation's entries of one period, whole chains of them, and every read is an entry."""

import os

import consent_verify
import msgspec
import pytest

from consent.acts.audit import admit, open_for_audit
from consent.export import export_log
from consent.ledger.entry import is_control
from consent.words.errors import BadInput, InvalidToken
from consent.words.instants import DAY
from tests.world import World


async def let_in(world: World, *, organisation: str = "voorbeeldstad", begin: int, end: int) -> str:
    deed, token = admit(
        auditor="auditor-one",
        organisation=organisation,
        from_at=begin,
        until_at=end,
        reason="yearly check",
        expires_at=world.at + DAY,
        chance=os.urandom(32),
    )
    await world.house.scribe.do(deed)
    return token


async def read(world: World, token: str) -> bytes:
    return b"".join(
        [line async for line in await open_for_audit(world.house, token=token, log=world.house.log)]
    )


async def test_a_grant_from_before_the_period_comes_with_its_beginning(
    world: World, tmp_path: object
) -> None:
    given = await world.given()
    world.pass_time(300)
    begin = world.at
    await world.disclose(given.tokens)
    lines = await read(world, await let_in(world, begin=begin, end=begin + DAY))
    events = [msgspec.json.decode(msgspec.json.decode(line)["A"])["ev"] for line in lines.splitlines()]
    assert events == ["granted", "disclosed"]
    await export_log(world.house, world.house.log, tmp_path / "log")  # type: ignore[operator]
    report = consent_verify.verify_log(str(tmp_path / "log"), openings=lines)  # type: ignore[operator]
    assert report.exit_code == 0, report.sentences


async def test_another_organisations_entries_stay_shut(world: World) -> None:
    await world.given()
    token = await let_in(world, organisation="voorbeeld-energie", begin=0, end=world.at + DAY)
    assert await read(world, token) == b""


async def test_each_read_is_a_public_entry_that_names_neither_auditor_nor_reason(world: World) -> None:
    token = await let_in(world, begin=0, end=world.at + DAY)
    await read(world, token)
    ((_, leaf),) = (await world.house.store.read("entry.range", world.house.log, 1, 2))[:1]
    assert is_control(leaf)
    body = msgspec.json.decode(leaf[152:])
    assert (body["ev"], body["org"], body["i"]) == ("audit.read", "voorbeeldstad", 1)
    assert b"auditor-one" not in leaf
    assert b"yearly" not in leaf


async def test_a_token_ends_and_a_guess_opens_nothing(world: World) -> None:
    token = await let_in(world, begin=0, end=world.at + DAY)
    world.pass_time(24 * 3600)
    for tried in (token, "x" * 43):
        with pytest.raises(InvalidToken):
            await read(world, tried)


def test_an_empty_period_or_reason_is_refused() -> None:
    good = {"auditor": "a", "organisation": "o", "expires_at": 1, "chance": bytes(32)}
    with pytest.raises(BadInput):
        admit(from_at=2, until_at=2, reason="yearly check", **good)  # type: ignore[arg-type]
    with pytest.raises(BadInput):
        admit(from_at=1, until_at=2, reason="   x   ", **good)  # type: ignore[arg-type]
