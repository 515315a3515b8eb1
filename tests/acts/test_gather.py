"""Many grants in one request: each item is what it would have been alone, and one proof is for all entries."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from consent_sdk.merkle import shared_paths
from hypothesis import given as example
from hypothesis import strategies as st
from msgspec.structs import replace

from consent.acts import erase as erasing
from consent.acts import inspect as inspecting
from consent.acts.disclose import Given as Alone
from consent.acts.gather import Gathered, Given, Refused
from consent.acts.publish import head, ranges_without
from consent.acts.withdraw import withdraw
from consent.ledger.checkpoint import check_checkpoint
from consent.ledger.tree import check_inclusion, leaf_hash
from consent.oauth.batches import BATCH_TOKEN_LIFE, check_batch_details
from consent.oauth.metadata import INTROSPECT_PATH
from consent.oauth.token import handle_hash
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import GRANT
from consent.words.errors import (
    Conflict,
    ConsentError,
    InsufficientScope,
    InsufficientUserAuthentication,
    InvalidAuthorizationDetails,
    InvalidDpopProof,
    InvalidToken,
    NotFound,
    UnauthorizedClient,
)
from consent.words.instants import SECOND
from tests.gathering import PATH, allow_batches, batch_token, gather, grants, item
from tests.world import MUNICIPALITY, NEEDED, World

OTHER = "voorbeeld-energie-app"


async def size(world: World) -> int:
    return (await head(world.house, world.house.log)).size


def check_proofs(world: World, got: Gathered) -> list[int]:
    """Check all proofs from the bytes up; returns the indices of the entries that they are for."""
    proved = []
    for place, proof in enumerate(got.proofs):
        mine = [
            one.entry
            for one in got.results
            if not isinstance(one, Exception) and one.entry and got.places[one.entry.place] == place
        ]
        checkpoint = check_checkpoint(proof.note, [world.house.vkey])
        root, paths = shared_paths({e.opening.index: e.leaf for e in mine}, checkpoint.size, proof.hashes)
        assert root == checkpoint.root
        for entry in mine:
            path = paths[entry.opening.index]
            check_inclusion(
                leaf_hash(entry.leaf), entry.opening.index, checkpoint.size, path, checkpoint.root
            )
            proved.append(entry.opening.index)
    return proved


def reason(one: Given | Refused | Exception) -> str:
    return "given" if isinstance(one, Given) else one.reason if isinstance(one, Refused) else one.code  # type: ignore[attr-defined]


async def test_each_item_has_its_own_entry_and_all_share_one_proof(world: World, tmp_path: Path) -> None:
    await allow_batches(world)
    said = await grants(world, 5)
    before = await size(world)
    got = await gather(world, await batch_token(world), *[item(one.grant, *NEEDED) for one in said])
    assert [reason(one) for one in got.results] == ["given"] * 5
    assert check_proofs(world, got) == list(range(before, before + 5))
    assert len(got.proofs) == 1
    for one, answer in zip(said, got.results, strict=True):
        assert isinstance(answer, Given)
        assert answer.grant == one.grant
        assert {sealed.name: opened.value for sealed, opened in answer.values} == {
            "household_size": b"3",
            "income_below_threshold": b"true",
        }
    report = await world.audit(tmp_path / "log")
    assert report.exit_code == 0, report.sentences


async def test_what_is_no_grant_of_the_client_looks_alike_and_leaves_nothing(world: World) -> None:
    await allow_batches(world)
    await allow_batches(world, OTHER)
    (said,) = await grants(world, 1)
    gone = (await grants(world, 1))[0]
    await erasing.leave(world.house, citizen=gone.citizen)
    for _ in range(15 * 24):
        world.pass_time(3600)
        await erasing.go_on(world.house)
    before = await size(world)
    theirs = await gather(
        world,
        await batch_token(world, OTHER),
        item(said.grant, *NEEDED),
        item("0" * 32, *NEEDED),
        client=OTHER,
    )
    mine = await gather(world, await batch_token(world), item(gone.grant, *NEEDED), item("f" * 32, *NEEDED))
    faults = [*theirs.results, *mine.results]
    assert {(type(one), str(one)) for one in faults} == {(NotFound, "there is no such grant")}
    assert (theirs.proofs, mine.proofs) == ([], [])
    assert await size(world) == before


async def test_a_no_is_of_one_item_and_the_others_are_given(world: World) -> None:
    await allow_batches(world)
    fine, ended, other = await grants(world, 3)
    await withdraw(world.house, citizen=ended.citizen, grant=ended.grant)
    before = await size(world)
    got = await gather(
        world,
        await batch_token(world),
        item(ended.grant, *NEEDED),
        item(fine.grant, "shoe_size"),
        item(other.grant, "energy_supplier"),
        item("0" * 32, "household_size"),
        item(fine.grant, *NEEDED),
    )
    assert [reason(one) for one in got.results] == [
        "not_active", "bad_input", "beyond_grant", "not_found", "given",
    ]  # fmt: skip
    # Two first refusals of the day and a disclosure: an entry each.
    assert await size(world) == before + 3
    assert check_proofs(world, got) == [before + 2]


async def test_one_key_twice_is_one_disclosure_and_with_other_names_a_conflict(world: World) -> None:
    await allow_batches(world)
    one, two = await grants(world, 2)
    before = await size(world)
    got = await gather(
        world,
        await batch_token(world),
        item(one.grant, *NEEDED, key="k"),
        item(one.grant, *NEEDED, key="k"),
        item(one.grant, "household_size", key="k"),
        item(two.grant, *NEEDED, key="k"),
    )
    first, again, *others = got.results
    assert isinstance(first, Given)
    assert isinstance(again, Given)
    assert (first.disclosure, first.entry, first.values) == (again.disclosure, again.entry, again.values)
    assert [type(other) for other in others] == [Conflict, Conflict]
    assert check_proofs(world, got) == [before, before]
    assert await size(world) == before + 1


async def test_how_often_is_counted_item_by_item(world: World) -> None:
    await allow_batches(world)
    (said,) = await grants(world, 1)
    got = await gather(world, await batch_token(world), *[item(said.grant, *NEEDED) for _ in range(6)])
    assert [reason(one) for one in got.results] == ["given"] * 4 + ["too_often"] * 2
    assert len(check_proofs(world, got)) == 4


async def test_a_batch_that_is_repeated_is_the_same_disclosures_and_a_key_works_at_both_doors(
    world: World,
) -> None:
    await allow_batches(world)
    said = await grants(world, 3)
    items = [item(one.grant, *NEEDED, key=f"key {n}") for n, one in enumerate(said)]
    first = await gather(world, await batch_token(world), *items)
    await withdraw(world.house, citizen=said[1].citizen, grant=said[1].grant)
    before = await size(world)
    again = await gather(world, await batch_token(world), *items)
    assert [reason(one) for one in again.results] == ["given", "not_active", "given"]
    for old, new in zip(first.results, again.results, strict=True):
        assert isinstance(old, Given)
        assert isinstance(new, Given | Refused)
        assert new.entry is not None
        assert new.entry.place == old.entry.place
        assert new.entry.leaf == old.entry.leaf
        if isinstance(new, Refused):
            assert new.entry.opening.detail is None
    assert len(check_proofs(world, again)) == 3
    assert await size(world) == before + 1  # the refusal
    alone = await world.disclose(said[0].tokens, *NEEDED, key="key 0")
    assert isinstance(alone, Alone)
    assert isinstance(first.results[0], Given)
    assert alone.disclosure == first.results[0].disclosure


async def test_whoever_goes_away_in_the_middle_gets_the_same_when_it_asks_again(world: World) -> None:
    await allow_batches(world)
    said = await grants(world, 3)
    items = [item(one.grant, *NEEDED, key=f"key {n}") for n, one in enumerate(said)]
    before = await size(world)
    asking = asyncio.create_task(gather(world, await batch_token(world), *items))
    await asyncio.sleep(0)  # it waits for its turn to be written now
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    got = await gather(world, await batch_token(world), *items)
    assert check_proofs(world, got) == [before, before + 1, before + 2]
    assert await size(world) == before + 3


async def test_a_proof_lets_one_batch_in(world: World) -> None:
    await allow_batches(world)
    one, two = await grants(world, 2)
    token = await batch_token(world)
    proof = world.proof(MUNICIPALITY, "POST", PATH, token)
    before = await size(world)
    # At once, so that both stand in one commit; and once more.
    got, replayed = await asyncio.gather(
        gather(world, token, item(one.grant, *NEEDED), proof=proof),
        gather(world, token, item(two.grant, *NEEDED), proof=proof),
        return_exceptions=True,
    )
    assert isinstance(got, Gathered)
    assert isinstance(replayed, InvalidDpopProof)
    with pytest.raises(InvalidDpopProof):
        await gather(world, token, item(two.grant, *NEEDED), proof=proof)
    assert await size(world) == before + 1


async def test_a_token_for_batches_is_for_nothing_else_and_no_other_is_for_batches(world: World) -> None:
    await allow_batches(world)
    said = await world.given()
    token = await batch_token(world)
    for other in (said.tokens.access_token, await world.own_token()):
        with pytest.raises(InsufficientScope):
            await gather(world, other, item(said.grant, *NEEDED))
    disclosed = await world.disclose(said.tokens)
    assert isinstance(disclosed, Alone)
    tokens = replace(said.tokens, access_token=token)
    with pytest.raises(InsufficientScope):
        await world.disclose(tokens)
    with pytest.raises(InsufficientScope):
        await world.use(tokens, disclosed.disclosure)
    with pytest.raises(InsufficientScope):
        await inspecting.grant_state(
            world.house,
            token_hash=handle_hash(token),
            proof=world.proof(MUNICIPALITY, "GET", f"/grants/{said.grant}", token),
            grant=said.grant,
        )
    with pytest.raises(InvalidToken):
        await gather(world, token, item(said.grant, *NEEDED), client=OTHER)  # another's key


async def test_the_operator_says_who_may_and_can_take_it_back(world: World) -> None:
    (said,) = await grants(world, 1)
    with pytest.raises(UnauthorizedClient):
        await batch_token(world)
    await allow_batches(world)
    token = await batch_token(world)
    await allow_batches(world, is_allowed=False)
    before = await size(world)
    with pytest.raises(InsufficientScope):
        await gather(world, token, item(said.grant, *NEEDED))
    assert await size(world) == before


async def test_a_token_for_batches_lives_five_minutes_and_says_what_it_is_for(world: World) -> None:
    await allow_batches(world)
    (said,) = await grants(world, 1)
    token = await batch_token(world)
    _, caller = await world.caller(MUNICIPALITY, {}, INTROSPECT_PATH)
    facts = await inspecting.introspect(world.house, caller, token)
    assert facts["authorization_details"] == [{"type": f"{world.house.issuer}/types/batch_disclosure/v1"}]
    assert "sub" not in facts
    world.pass_time(BATCH_TOKEN_LIFE // SECOND - 1)
    await gather(world, token, item(said.grant, *NEEDED))
    world.pass_time(1)
    with pytest.raises(InvalidToken):
        await gather(world, token, item(said.grant, *NEEDED))


@pytest.mark.parametrize(
    "details",
    ["", "{}", "[]", "[" * 20_000, "[{}]", '[{"type":1}]', '[{"type":"T"},{"type":"T"}]', '[{"type":"T","x":1}]',
     '[{"type":"https://consent.example/types/attributes/v1"}]', "x" * 10_000],
)  # fmt: skip
def test_details_of_another_form_are_refused(details: str) -> None:
    issuer = "https://consent.example"
    right = f"{issuer}/types/batch_disclosure/v1"
    check_batch_details(msgspec.json.encode([{"type": right}]).decode(), issuer=issuer)
    with pytest.raises(InvalidAuthorizationDetails):
        check_batch_details(details.replace("T", right), issuer=issuer)


async def test_what_takes_a_better_sign_in_takes_it_here_too(world: World) -> None:
    await allow_batches(world)
    said, plain = await special(world), (await grants(world, 1))[0]
    got = await gather(
        world, await batch_token(world), item(said, "residence_permit"), item(plain.grant, *NEEDED)
    )
    fault, fine = got.results
    assert isinstance(fault, InsufficientUserAuthentication)
    assert fault.acr == world.house.step_up.acr
    assert isinstance(fine, Given)


async def special(world: World) -> str:
    """A grant for a special attribute of which nobody wrote down how she had signed in."""
    answered = await world.answer(
        await world.ask(
            purpose=SPECIAL_PURPOSE, attributes=("preferred_language", "residence_permit"), days=30
        ),
        citizen=world.citizen("amal"),
        chosen=frozenset({"preferred_language", "residence_permit"}),
    )
    grant = answered.grant  # type: ignore[union-attr]
    assert grant is not None

    def story(book: Book) -> Story[None]:
        yield [GRANT.one(grant)]
        yield TURN
        found = book.get(GRANT, grant)
        assert found is not None
        book.put(GRANT, replace(found, acr=None, signed_in_at=None))

    await world.house.scribe.do(story)
    return grant


SPECIAL_PURPOSE = "hulp-nieuw-in-nederland"


async def test_a_fault_of_one_item_is_not_that_of_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw happens to one of them in the middle of a commit: it is written without that one."""
    from consent.acts import gather as module

    await allow_batches(world)
    one, broken, two = await grants(world, 3)
    real = module.decided

    def decided(house: Any, book: Any, grant: Any, *rest: Any) -> Any:
        if grant.id == broken.grant:
            raise RuntimeError("nobody foresaw this")
        return real(house, book, grant, *rest)

    monkeypatch.setattr(module, "decided", decided)
    before = await size(world)
    got = await gather(
        world, await batch_token(world), *[item(said.grant, *NEEDED) for said in (one, broken, two)]
    )
    assert [type(answer) for answer in got.results] == [Given, RuntimeError, Given]
    assert check_proofs(world, got) == [before, before + 1]


async def test_more_than_one_commit_holds_is_still_one_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from consent.acts import scribe

    monkeypatch.setattr(scribe, "MOST_IN_A_BATCH", 3)
    await allow_batches(world)
    said = await grants(world, 7)
    before = await size(world)
    got = await gather(world, await batch_token(world), *[item(one.grant, *NEEDED) for one in said])
    assert len(got.proofs) == 1
    assert check_proofs(world, got) == list(range(before, before + 7))


async def test_too_much_is_refused_before_anything_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from consent.acts import scribe

    await allow_batches(world)
    said = await grants(world, 2)
    token = await batch_token(world)
    before = await size(world)
    monkeypatch.setattr(scribe, "MOST_WAITING", 2)
    with pytest.raises(ConsentError, match="too much is waiting"):
        await gather(world, token, *[item(one.grant, *NEEDED) for one in said])
    assert await size(world) == before


@example(st.data(), st.integers(1, 600))
def test_the_hashes_and_the_entries_make_the_root(data: st.DataObject, size: int) -> None:
    indices = sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=20)))
    ranges = ranges_without(indices, 0, size)
    covered = [index for start, end in ranges for index in range(start, end)]
    assert sorted([*covered, *indices]) == list(range(size))
    assert covered == sorted(covered)
