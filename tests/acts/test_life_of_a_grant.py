"""The main story at the level of the acts: ask, choose, disclose, use, stop; what the log says about it."""

from pathlib import Path

import pytest

from consent.acts.ask import Gone, look
from consent.acts.disclose import Given, Refused
from consent.acts.grant import Answered
from consent.acts.timeline import timeline
from consent.acts.use import Refused as UseRefused
from consent.acts.use import Registered
from consent.words.errors import BadInput, Conflict, InvalidDpopProof, InvalidGrant, InvalidToken, NotFound
from tests.world import NEEDED, World


async def test_what_she_ticked_is_what_the_token_covers_and_what_is_disclosed(world: World) -> None:
    given = await world.given(chosen=NEEDED | {"number_of_children"})
    assert given.tokens.grant is not None
    assert set(given.tokens.grant.attributes) == NEEDED | {"number_of_children"}
    disclosed = await world.disclose(given.tokens)
    assert isinstance(disclosed, Given)
    assert {sealed.name for sealed, _ in disclosed.values} == NEEDED | {"number_of_children"}


async def test_an_attribute_that_she_did_not_tick_is_refused(world: World) -> None:
    given = await world.given()
    assert await world.disclose(given.tokens, "number_of_children") == Refused("beyond_grant")


async def test_after_a_stop_nothing_is_given_and_a_retry_gets_only_the_old_proof(world: World) -> None:
    given = await world.given()
    before = await world.disclose(given.tokens, key="one")
    assert isinstance(before, Given)
    await world.stop(given.grant)
    assert await world.disclose(given.tokens) == Refused("not_active")
    retry = await world.disclose(given.tokens, key="one")
    assert isinstance(retry, Refused)
    assert (retry.reason, retry.leaf) == ("not_active", before.leaf)
    assert retry.proof is not None
    assert retry.opening is not None
    assert retry.opening.detail is None


async def test_a_retry_while_the_grant_lives_is_the_same_disclosure(world: World) -> None:
    given = await world.given()
    first = await world.disclose(given.tokens, key="one")
    again = await world.disclose(given.tokens, key="one")
    assert isinstance(first, Given)
    assert isinstance(again, Given)
    assert (again.disclosure, again.leaf, again.values) == (first.disclosure, first.leaf, first.values)


async def test_a_key_that_came_with_another_request_is_a_conflict(world: World) -> None:
    given = await world.given()
    await world.disclose(given.tokens, "household_size", key="one")
    with pytest.raises(Conflict):
        await world.disclose(given.tokens, "income_below_threshold", key="one")


async def test_a_proof_works_once(world: World) -> None:
    given = await world.given()
    proof = world.proof("voorbeeldstad-loket", "POST", "/disclosures", given.tokens.access_token)
    assert isinstance(await world.disclose(given.tokens, proof=proof), Given)
    with pytest.raises(InvalidDpopProof):
        await world.disclose(given.tokens, proof=proof)


async def test_another_clients_key_does_not_open_the_token(world: World) -> None:
    given = await world.given()
    with pytest.raises(InvalidToken):
        await world.disclose(given.tokens, client="voorbeeld-energie-app")


async def test_a_code_works_once_and_a_second_try_kills_the_tokens_of_the_first(world: World) -> None:
    given = await world.given()
    with pytest.raises(InvalidGrant):
        await world.exchange(given.code)
    with pytest.raises(InvalidToken):
        await world.disclose(given.tokens)


async def test_the_purpose_limits_how_often_a_day(world: World) -> None:
    given = await world.given()
    for _ in range(4):
        assert isinstance(await world.disclose(given.tokens), Given)
    assert await world.disclose(given.tokens) == Refused("too_often")
    world.pass_time(24 * 3600)
    with pytest.raises(InvalidToken):  # ten minutes of access token are over; the grant is not
        await world.disclose(given.tokens)


async def test_a_grant_ends_by_itself_at_its_instant(world: World) -> None:
    given = await world.given(days=1)
    assert given.tokens.grant is not None
    world.pass_time((given.tokens.grant.expires_at - world.at) / 1_000_000 - 1)
    assert given.tokens.grant.is_live(at=world.at)
    world.pass_time(1)
    assert not given.tokens.grant.is_live(at=world.at)


async def test_an_unknown_attribute_is_bad_input_and_changes_nothing(world: World) -> None:
    given = await world.given()
    size = (await world.house.store.read("head.get", world.house.log))[0][2]
    with pytest.raises(BadInput):
        await world.disclose(given.tokens, "shoe_size")
    assert (await world.house.store.read("head.get", world.house.log))[0][2] == size


async def test_a_use_has_one_entry_a_day_and_is_refused_after_a_stop(world: World) -> None:
    given = await world.given()
    disclosed = await world.disclose(given.tokens)
    assert isinstance(disclosed, Given)
    first = await world.use(given.tokens, disclosed.disclosure)
    again = await world.use(given.tokens, disclosed.disclosure)
    assert isinstance(first, Registered)
    assert first == again
    await world.stop(given.grant)
    assert await world.use(given.tokens, disclosed.disclosure) == UseRefused("not_active")


async def test_nobody_stops_anothers_grant(world: World) -> None:
    given = await world.given()
    with pytest.raises(NotFound):
        await world.stop(given.grant, citizen=world.citizen("riet"))
    assert isinstance(await world.disclose(given.tokens), Given)


async def test_a_new_yes_replaces_the_grant_for_the_same_purpose(world: World) -> None:
    old = await world.given()
    new = await world.given(chosen=NEEDED | {"number_of_children"})
    assert await world.disclose(old.tokens) == Refused("not_active")
    assert isinstance(await world.disclose(new.tokens), Given)


async def test_refusals_make_one_entry_a_day_and_are_counted(world: World) -> None:
    given = await world.given()
    await world.stop(given.grant)
    size = (await world.house.store.read("head.get", world.house.log))[0][2]
    for _ in range(3):
        assert await world.disclose(given.tokens) == Refused("not_active")
    assert (await world.house.store.read("head.get", world.house.log))[0][2] == size + 1
    ((_, _, _, count, _),) = await world.house.store.read("refusal.of_citizen", given.citizen)
    assert count == 3


async def test_an_auditor_finds_the_whole_story_in_order(world: World, tmp_path: Path) -> None:
    given = await world.given()
    disclosed = await world.disclose(given.tokens)
    assert isinstance(disclosed, Given)
    await world.use(given.tokens, disclosed.disclosure)
    await world.stop(given.grant)
    await world.disclose(given.tokens)
    await world.answer(await world.ask(), decision="no")
    report = await world.audit(tmp_path / "log")
    assert report.exit_code == 0, report.sentences
    assert report.size == 7


async def test_the_link_works_for_minutes_and_whoever_looked_has_a_day_to_answer(world: World) -> None:
    looked, unseen = await world.ask(), await world.ask()
    await look(world.house, citizen=world.citizen(), request=looked, language="nl")
    world.pass_time(3600)
    with pytest.raises(Gone):
        await look(world.house, citizen=world.citizen(), request=unseen, language="nl")
    assert isinstance(await world.answer(looked), Answered)
    late = await world.ask()
    await look(world.house, citizen=world.citizen(), request=late, language="nl")
    world.pass_time(24 * 3600)
    with pytest.raises(Gone):
        await look(world.house, citizen=world.citizen(), request=late, language="nl")


async def test_a_replaced_grant_does_not_read_as_a_stop(world: World) -> None:
    given = await world.given()
    await world.given(chosen=NEEDED | {"number_of_children"})
    months = (await timeline(world.house, citizen=given.citizen, language="nl")).months
    assert [line.kind for line in months[0].lines] == ["granted", "replaced", "granted"]
