"""An organisation answers what it heard: entries under the grant that the citizen reads and an auditor replays."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from consent.acts import acknowledge as acknowledging
from consent.acts.signal import claim, clients_due, settle
from consent.acts.tidy import tidy
from consent.acts.timeline import Month, timeline
from consent.oauth.token import handle_hash
from consent.words.errors import (
    BadInput,
    InsufficientScope,
    InvalidDpopProof,
    InvalidToken,
    NotFound,
    StillActive,
)
from consent.words.instants import HOUR, SECOND
from tests.acts.test_signal import claimed, listens
from tests.world import MUNICIPALITY, Given, World

OTHER = "voorbeeld-energie-app"


async def ended(world: World) -> Given:
    given = await world.given()
    await world.disclose(given.tokens)
    await world.stop(given.grant)
    return given


_NEWEST = (2**62, "", 0)  # before this place: all


async def records(world: World, grant: str) -> list[dict[str, object]]:
    """All entries of one grant's citizen about that grant, oldest first."""
    rows = await world.house.store.read("citizen_entry.of_citizen", world.citizen(), *_NEWEST, "", 100)
    return [msgspec.json.decode(record) for _, _, name, record, _ in reversed(rows) if name == grant]


async def test_heard_and_gone_stand_in_the_log_and_an_auditor_replays_them(
    world: World, tmp_path: Path
) -> None:
    await listens(world)
    given = await ended(world)
    sending = await claimed(world)
    await settle(world.house, sending, None)
    heard = await world.acknowledge(sending.signal)
    world.pass_time(60)
    stated = await world.state_deletion(given.grant)
    assert (stated.scope, stated.stated_at, stated.deleted_at) == ("all", world.at, world.at)
    chain = await records(world, given.grant)
    assert [entry["ev"] for entry in chain] == [
        "granted",
        "disclosed",
        "withdrawn",
        "acknowledged",
        "deletion_stated",
    ]
    assert [entry["n"] for entry in chain] == [0, 1, 2, 3, 4]
    assert {entry["by"] for entry in chain[3:]} == {"organisation"}
    (row,) = await world.signals(given.grant)
    assert (row.acknowledged_at, row.acknowledged_index) == (heard.at, chain[3]["i"])
    report = await world.audit(tmp_path / "copy")
    assert report.verdict == "UNWITNESSED", report.sentences


async def test_a_second_time_changes_nothing(world: World) -> None:
    await listens(world)
    given = await ended(world)
    (row,) = await world.signals(given.grant)
    first = await asyncio.gather(*[world.acknowledge(row.id) for _ in range(3)])
    stated = await asyncio.gather(*[world.state_deletion(given.grant) for _ in range(3)])
    world.pass_time(60)
    assert {one.at for one in [*first, await world.acknowledge(row.id)]} == {first[0].at}
    assert len({one.index for one in [*stated, await world.state_deletion(given.grant)]}) == 1
    assert len(await records(world, given.grant)) == 5


async def test_whoever_answers_has_it(world: World) -> None:
    """An answer before the "202" is written down, or after it was lost, ends the tries."""
    await listens(world)
    given = await ended(world)
    sending = await claimed(world)
    await world.acknowledge(sending.signal)
    await settle(world.house, sending, "not_reached")
    (row,) = await world.signals(given.grant)
    assert (row.delivered_at, row.failure, row.next_try) == (world.at, None, None)
    world.pass_time(3600)
    assert await clients_due(world.house) == []
    assert await claim(world.house, MUNICIPALITY) is None


async def test_all_may_follow_all_but_what_the_law_keeps_and_not_the_other_way(world: World) -> None:
    given = await ended(world)
    part = await world.state_deletion(given.grant, world.statement(given.grant, scope="all_but_legal_duty"))
    whole = await world.state_deletion(given.grant)
    after = await world.state_deletion(given.grant, world.statement(given.grant, scope="all_but_legal_duty"))
    assert (part.scope, whole.scope) == ("all_but_legal_duty", "all")
    assert after == whole
    entries = [entry for entry in await records(world, given.grant) if entry["ev"] == "deletion_stated"]
    assert [entry.get("reason") for entry in entries] == ["legal_obligation", None]


async def test_a_statement_belongs_after_the_end(world: World) -> None:
    given = await world.given()
    with pytest.raises(StillActive):
        await world.state_deletion(given.grant)
    world.pass_time(91 * 24 * 3600)  # time ended it, whether or not anybody wrote that down
    await world.state_deletion(given.grant)


async def test_gone_before_the_last_delivery_is_not_gone(world: World) -> None:
    given = await world.given()
    world.pass_time(10.7)
    await world.disclose(given.tokens)
    await world.stop(given.grant)
    second = world.at // SECOND
    with pytest.raises(BadInput, match="before the last time"):
        await world.state_deletion(given.grant, world.statement(given.grant, deleted_at=second - 1))
    await world.state_deletion(given.grant, world.statement(given.grant, deleted_at=second))


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": OTHER},
        {"aud": "https://other.example"},
        {"aud": ["http://localhost:8000"]},
        {"grant_id": "0" * 32},
        {"grant_id": None},
        {"scope": "some"},
        {"scope": ["all"]},
        {"deleted_at": "yesterday"},
        {"deleted_at": True},
        {"deleted_at": -1},
        {"deleted_at": 2**70},
        {"iat": None},
        {"iat": 1},
        {"typ": "JWT"},
        {"typ": "dpop+jwt"},
    ],
    ids=str,
)
async def test_a_statement_that_says_anything_else_is_refused_and_changes_nothing(
    world: World, changed: dict[str, object]
) -> None:
    given = await ended(world)
    before = len(await records(world, given.grant))
    with pytest.raises(BadInput):
        await world.state_deletion(given.grant, world.statement(given.grant, **changed))  # type: ignore[arg-type]
    late = (world.at + HOUR) // SECOND
    with pytest.raises(BadInput):
        await world.state_deletion(given.grant, world.statement(given.grant, iat=late, deleted_at=late))
    assert len(await records(world, given.grant)) == before
    assert await world.house.store.read("deletion.of_grant", given.grant) == []


async def test_somebody_elses_signal_grant_and_signature_are_nobodys(world: World) -> None:
    given = await ended(world)
    (row,) = await world.signals(given.grant)
    for name in (row.id, "0" * 32, "no-id"):
        with pytest.raises(NotFound, match="no such signal"):
            await world.acknowledge(name, client=OTHER)
    with pytest.raises(NotFound):
        await world.state_deletion(given.grant, client=OTHER)
    world.keys[MUNICIPALITY], right = world.keys[OTHER], world.keys[MUNICIPALITY]
    stolen = world.statement(given.grant)  # in this one's name, by another's key
    world.keys[MUNICIPALITY] = right
    with pytest.raises(BadInput):
        await world.state_deletion(given.grant, stolen)
    assert len(await records(world, given.grant)) == 3


async def test_a_citizens_token_a_dead_one_and_a_used_proof_answer_nothing(world: World) -> None:
    given = await world.given()
    await world.disclose(given.tokens)
    access = given.tokens.access_token
    await world.stop(given.grant)
    (row,) = await world.signals(given.grant)
    path = f"/signals/{row.id}/acknowledge"
    proof = world.proof(MUNICIPALITY, "POST", path, access)
    with pytest.raises(InsufficientScope):
        await acknowledging.acknowledge(
            world.house, token_hash=handle_hash(access), proof=proof, signal=row.id
        )
    token = await world.own_token()
    proof = world.proof(MUNICIPALITY, "POST", path, token)
    await acknowledging.acknowledge(world.house, token_hash=handle_hash(token), proof=proof, signal=row.id)
    with pytest.raises(InvalidDpopProof):
        await acknowledging.acknowledge(
            world.house, token_hash=handle_hash(token), proof=proof, signal=row.id
        )
    world.pass_time(3600)
    with pytest.raises(InvalidToken):
        await acknowledging.state_deletion(
            world.house,
            token_hash=handle_hash(token),
            proof=world.proof(MUNICIPALITY, "POST", f"/grants/{given.grant}/deletion", token),
            grant=given.grant,
            statement=world.statement(given.grant),
        )


async def test_an_answered_signal_is_forgotten_in_time_and_an_unanswered_one_is_not(world: World) -> None:
    given = await ended(world)
    (signal,) = await world.signals(given.grant)
    await world.acknowledge(signal.id)
    await world.state_deletion(given.grant)
    other = await ended(world)
    before = [line for month in await _timeline(world) for line in month.lines]
    world.pass_time(90 * 24 * 3600)
    await world.house.scribe.do(tidy())
    assert [one.id for one in await world.signals(given.grant)] == [signal.id]
    world.pass_time(1)
    await world.house.scribe.do(tidy())
    assert await world.signals(given.grant) == []
    assert len(await world.signals(other.grant)) == 1
    assert len(await world.house.store.read("deletion.of_grant", given.grant)) == 1
    # She reads the same as before.
    assert [line for month in await _timeline(world) for line in month.lines] == before
    with pytest.raises(NotFound):
        await world.acknowledge(signal.id)


async def _timeline(world: World) -> tuple[Month, ...]:
    return (await timeline(world.house, citizen=world.citizen(), language="nl")).months
