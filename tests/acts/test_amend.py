"""A grant that runs is changed: the same grant in a next version, or exactly what it was."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from consent.acts.approve import approve
from consent.acts.ask import Gone, look
from consent.acts.disclose import Given, Refused
from consent.acts.grant import Again, Answered, answer
from consent.acts.inspect import introspect
from consent.acts.receipt import receipt, receipt_file
from consent.acts.timeline import timeline
from consent.acts.use import Refused as UseRefused
from consent.acts.use import Registered
from consent.oauth.grant_management import check_grant_management
from consent.oauth.metadata import INTROSPECT_PATH
from consent.seed import read_seed
from consent.words.actors import Actor
from consent.words.errors import InvalidAuthorizationDetails, InvalidGrantId, InvalidRequest, NotFound
from consent.words.instants import DAY, SECOND
from tests.world import ASKED, MUNICIPALITY, NEEDED, PURPOSE, World

MORE = "number_of_children"
OTHER = "energy_supplier"
APP = "voorbeeld-energie-app"


async def records(world: World, grant: str) -> list[dict[str, Any]]:
    """The log's own records of a grant, in order."""
    ((*_,),) = rows = await world.house.store.read("grant.get", grant)
    index = rows[0][14]
    size = (await world.house.store.read("head.get", world.house.log))[0][2]
    found = []
    for i in range(size):
        for row in await world.house.store.read("opening.get", world.house.log, i):
            record = msgspec.json.decode(row[-1])
            if record.get("c") == index:
                found.append(record)
    return found


async def second_version(world: World, **changes: Any) -> None:
    """The municipality's purpose gets a version 2."""
    file = next(f for f in read_seed().organisations if f.organisation.id == "voorbeeldstad")
    purpose = next(p for p in file.purposes if p.id == PURPOSE)
    await world.house.scribe.do(approve(file.organisation, [], [replace(purpose, version=2, **changes)]))


# Yes


async def test_a_yes_changes_the_same_grant_and_the_old_tokens_see_it_at_once(world: World) -> None:
    given = await world.given(chosen=NEEDED | {OTHER})
    changed = await world.amended(given, *NEEDED, MORE)
    assert changed.tokens.grant is not None
    assert changed.tokens.grant.id == given.grant
    assert set(changed.tokens.grant.attributes) == NEEDED | {MORE}
    for tokens in (given.tokens, changed.tokens, await world.refresh(given.tokens)):
        assert isinstance(await world.disclose(tokens, MORE), Given)
        assert await world.disclose(tokens, OTHER) == Refused("beyond_grant")


async def test_the_log_has_one_entry_with_what_holds_from_now_on_and_an_auditor_replays_it(
    world: World, tmp_path: Path
) -> None:
    given = await world.given(chosen=NEEDED | {OTHER}, days=10)
    await world.disclose(given.tokens)
    await world.amended(given, *NEEDED, MORE, days=20)
    await world.disclose(given.tokens, MORE)
    began, _, amended, disclosed = await records(world, given.grant)
    assert (amended["ev"], amended["by"], amended["n"], amended["prev"]) == (
        "amended",
        "self",
        2,
        began["i"] + 1,
    )
    assert amended["attributes"] == sorted(NEEDED | {MORE})
    assert amended["exp"] == disclosed["exp"] == began["exp"] + 10 * 86_400
    assert amended["nbf"] == began["nbf"]
    assert amended["terms"] != ""
    report = await world.audit(tmp_path / "log")
    assert report.exit_code == 0, report.sentences


async def test_it_is_written_down_for_good(tmp_path: Path) -> None:
    async with World.open(tmp_path / "data") as world:
        given = await world.given(days=10)
        changed = await world.amended(given, *NEEDED, MORE, days=20)
        at = world.at
    async with World.open(tmp_path / "data", at=at) as world:
        state = await world.state(given.grant)
        assert state.grant == replace(state.grant, version=2, attributes=tuple(sorted(NEEDED | {MORE})))
        assert changed.tokens.grant is not None
        assert state.grant.expires_at == changed.tokens.grant.expires_at


async def test_a_merge_adds_and_takes_nothing_away(world: World) -> None:
    given = await world.given(chosen=NEEDED | {OTHER})
    for how in ("merge", "update"):
        page = await look(
            world.house,
            citizen=given.citizen,
            request=await world.ask(attributes=(MORE,), amends=given.grant, how=how),
            language="en",
        )
        assert page.shown.change is not None
        assert page.shown.change.new == (MORE,)
        assert set(page.shown.change.stays) == NEEDED | {OTHER}
        assert page.shown.change.goes == ()


async def test_the_page_says_what_is_new_what_stays_what_goes_and_until_when(world: World) -> None:
    given = await world.given(chosen=NEEDED | {OTHER}, days=10)
    request = await world.ask(attributes=(*NEEDED, MORE), days=20, amends=given.grant)
    shown = (await look(world.house, citizen=given.citizen, request=request, language="en")).shown
    assert shown.change is not None
    assert shown.change.new == (MORE,)
    assert set(shown.change.stays) == NEEDED
    assert shown.change.goes == ("Energy supplier",)
    assert (shown.change.until, shown.until) == (world.at + 10 * DAY, world.at + 20 * DAY)
    assert (shown.change.only_end, shown.change.new_words) == (False, False)


async def test_what_she_had_she_may_switch_off_and_what_is_new_she_may_leave(world: World) -> None:
    given = await world.given(chosen=NEEDED | {OTHER})
    changed = await world.amended(given, *ASKED, chosen=NEEDED)
    assert changed.tokens.grant is not None
    assert set(changed.tokens.grant.attributes) == NEEDED
    answered = await world.answer(
        await world.ask(amends=given.grant), citizen=given.citizen, chosen=frozenset({MORE})
    )
    assert isinstance(answered, Again)
    assert answered.trouble == "required_missing"


async def test_new_words_of_the_purpose_take_her_yes_and_never_go_back(world: World) -> None:
    given = await world.given()
    await second_version(world)
    request = await world.ask(attributes=tuple(NEEDED), version=2, amends=given.grant)
    page = await look(world.house, citizen=given.citizen, request=request, language="nl")
    assert page.shown.change is not None
    assert (page.shown.change.new_words, page.shown.change.only_end) == (True, False)
    changed = await world.amended(given, *NEEDED, version=2)
    assert changed.tokens.grant is not None
    assert changed.tokens.grant.purpose_version == 2
    assert isinstance(await world.disclose(given.tokens), Given)
    *_, amended, disclosed = await records(world, given.grant)
    assert amended["purpose"] == disclosed["purpose"] == f"{PURPOSE}@2"
    assert amended["terms"] != (await records(world, given.grant))[0]["terms"]
    with pytest.raises(InvalidAuthorizationDetails):
        await world.ask(attributes=tuple(NEEDED), version=1, amends=given.grant)


async def test_the_new_words_of_a_suspended_version_cannot_be_asked(world: World) -> None:
    given = await world.given()
    with pytest.raises(InvalidAuthorizationDetails):
        await world.ask(attributes=tuple(NEEDED), version=2, amends=given.grant)


# Only the end


async def test_a_renewal_asks_one_thing_and_takes_one_tap(world: World) -> None:
    given = await world.given(chosen=NEEDED | {OTHER}, days=2)
    world.pass_time(36 * 3600)
    request = await world.ask(attributes=(*NEEDED, OTHER), days=90, amends=given.grant)
    page = await look(world.house, citizen=given.citizen, request=request, language="nl")
    assert page.shown.change is not None
    assert page.shown.change.only_end
    answered = await world.answer(request, citizen=given.citizen, chosen=frozenset())
    assert isinstance(answered, Answered)
    state = await world.state(given.grant)
    assert set(state.grant.attributes) == NEEDED | {OTHER}
    assert state.grant.expires_at == world.at + 90 * DAY
    world.pass_time(48 * 3600)  # the old end is over; the tokens of then go on as long as the grant
    tokens = await world.refresh(given.tokens)
    assert isinstance(await world.disclose(tokens), Given)


async def test_a_renewal_adds_nothing_whatever_the_form_says(world: World) -> None:
    given = await world.given()
    request = await world.ask(attributes=tuple(NEEDED), amends=given.grant, days=30)
    await world.answer(request, citizen=given.citizen, chosen=frozenset({"bsn", MORE}))
    assert set((await world.state(given.grant)).grant.attributes) == NEEDED


async def test_a_shorter_time_ends_the_tokens_too(world: World) -> None:
    given = await world.given(days=90)
    await world.amended(given, *NEEDED, days=1)
    _, caller = await world.caller(MUNICIPALITY, {}, INTROSPECT_PATH)
    told = await introspect(world.house, caller, given.tokens.refresh_token or "")
    assert told["exp"] == world.at // SECOND + 86_400
    world.pass_time(24 * 3600)
    assert not (await world.state(given.grant)).live
    with pytest.raises(Exception, match="refresh token has expired"):
        await world.refresh(given.tokens)


async def test_what_has_ended_cannot_be_renewed(world: World) -> None:
    given = await world.given(days=1)
    world.pass_time(24 * 3600)
    with pytest.raises(InvalidGrantId):
        await world.ask(attributes=tuple(NEEDED), amends=given.grant)


# No, and everything that is not a yes


async def test_a_no_leaves_the_grant_exactly_as_it_was_and_reads_as_a_no_to_a_change(world: World) -> None:
    given = await world.given(days=10)
    before = await world.house.store.read("grant.get", given.grant)
    request = await world.ask(attributes=(*NEEDED, MORE), days=20, amends=given.grant)
    answered = await world.answer(request, citizen=given.citizen, decision="no")
    assert isinstance(answered, Answered)
    assert answered.grant is None
    assert "error=access_denied" in await world.back(answered, citizen=given.citizen)
    assert await world.house.store.read("grant.get", given.grant) == before
    assert isinstance(await world.disclose(given.tokens), Given)
    (month,) = (await timeline(world.house, citizen=given.citizen, language="nl")).months
    assert [line.kind for line in month.lines] == ["disclosed", "kept", "granted"]


async def test_an_unknown_foreign_or_ended_grant_cannot_be_changed_and_they_look_alike(world: World) -> None:
    given = await world.given()
    ended = await world.given(citizen=world.citizen("riet"))
    await world.stop(ended.grant, citizen=ended.citizen)
    texts = set()
    for name, client in (("0" * 32, MUNICIPALITY), (ended.grant, MUNICIPALITY), ("x", MUNICIPALITY)):
        with pytest.raises(InvalidGrantId) as no:
            await world.ask(attributes=tuple(NEEDED), amends=name, client=client)
        texts.add(str(no.value))
    with pytest.raises(InvalidGrantId) as no:
        await world.ask(
            client=APP, purpose="besparen", attributes=("energy_contract_number",), amends=given.grant
        )
    assert len(texts | {str(no.value)}) == 1


async def test_another_purpose_is_another_grant(world: World) -> None:
    given = await world.given()
    file = next(f for f in read_seed().organisations if f.organisation.id == "voorbeeldstad")
    purpose = replace(next(p for p in file.purposes if p.id == PURPOSE), id="iets-anders")
    await world.house.scribe.do(approve(file.organisation, [], [purpose]))
    with pytest.raises(InvalidAuthorizationDetails, match="keeps the purpose"):
        await world.ask(purpose="iets-anders", attributes=tuple(NEEDED), amends=given.grant)


async def test_the_purpose_limits_a_change_as_it_limits_a_first_grant(world: World) -> None:
    given = await world.given()
    for wrong in ({"days": 100_000}, {"attributes": (*NEEDED, "bsn")}, {"attributes": (MORE,)}):
        with pytest.raises(InvalidAuthorizationDetails):
            await world.ask(**({"attributes": tuple(NEEDED), "amends": given.grant} | wrong))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("action", "has_grant"),
    [(None, True), ("create", True), ("replace", False), ("merge", False), ("x", True)],
)
async def test_an_action_and_a_grant_belong_together(
    world: World, action: str | None, has_grant: bool
) -> None:
    form = {"grant_id": "a" * 32} if has_grant else {}
    with pytest.raises(InvalidRequest):
        check_grant_management(form | ({"grant_management_action": action} if action else {}))


async def test_somebody_else_with_the_link_sees_nothing_and_takes_nothing(world: World) -> None:
    given = await world.given()
    await world.given(citizen=world.citizen("riet"))
    request = await world.ask(attributes=(*NEEDED, MORE), amends=given.grant)
    for _ in range(2):
        with pytest.raises(NotFound) as stranger:
            await look(world.house, citizen=world.citizen("riet"), request=request, language="nl")
        assert not isinstance(stranger.value, Gone)
    assert isinstance(await world.answer(request, citizen=given.citizen, chosen=NEEDED), Answered)


@pytest.mark.parametrize("meanwhile", ["stopped", "let go", "changed", "expired"])
async def test_an_answer_about_what_is_no_longer_so_changes_nothing(world: World, meanwhile: str) -> None:
    given = await world.given(days=1)
    request = await world.ask(attributes=(*NEEDED, MORE), days=2, amends=given.grant)
    other = await world.ask(attributes=(*NEEDED, OTHER), days=2, amends=given.grant)
    world.pass_time(200)
    page = await look(world.house, citizen=given.citizen, request=request, language="nl")
    if meanwhile == "stopped":
        await world.stop(given.grant)
    elif meanwhile == "let go":
        await world.let_go(given.grant)
    elif meanwhile == "changed":
        await world.answer(other, citizen=given.citizen, chosen=NEEDED | {OTHER})
    else:
        world.pass_time(
            24 * 3600 - 200
        )  # she has a day from when she looked; the grant is over a little sooner
    before = await world.house.store.read("grant.get", given.grant)
    for decision in ("yes", "no"):
        with pytest.raises(Gone) as gone:
            await _answer(world, request, page.seal, decision)
        assert gone.value.reason == "changed"
    assert await world.house.store.read("grant.get", given.grant) == before


async def _answer(world: World, request: str, seal: str, decision: str = "yes") -> Any:
    return await answer(
        world.house,
        citizen=world.citizen(),
        request=request,
        language="nl",
        decision=decision,
        chosen=NEEDED | {MORE},
        seal=seal,
    )


# At once


async def test_of_two_changes_at_once_the_first_holds_and_the_second_is_no_longer_right(
    world: World, tmp_path: Path
) -> None:
    given = await world.given()
    requests = [await world.ask(attributes=(*NEEDED, MORE), amends=given.grant) for _ in range(2)]
    seals = [
        (await look(world.house, citizen=given.citizen, request=one, language="nl")).seal for one in requests
    ]
    first, second = await asyncio.gather(
        *[_answer(world, request, seal) for request, seal in zip(requests, seals, strict=True)],
        return_exceptions=True,
    )
    assert isinstance(first, Answered)
    assert isinstance(second, Gone)
    assert [r["ev"] for r in await records(world, given.grant)] == ["granted", "amended"]
    assert (await world.audit(tmp_path / "log")).exit_code == 0


@pytest.mark.parametrize("first", ["stop", "change"])
async def test_a_change_and_a_stop_at_once_end_in_a_stop(world: World, tmp_path: Path, first: str) -> None:
    given = await world.given()
    request = await world.ask(attributes=(*NEEDED, MORE), amends=given.grant)
    seal = (await look(world.house, citizen=given.citizen, request=request, language="nl")).seal
    acts = [world.stop(given.grant), _answer(world, request, seal)]
    await asyncio.gather(*(acts if first == "stop" else acts[::-1]), return_exceptions=True)
    events = [r["ev"] for r in await records(world, given.grant)]
    assert events == (["granted", "withdrawn"] if first == "stop" else ["granted", "amended", "withdrawn"])
    assert await world.disclose(given.tokens) == Refused("not_active")
    assert (await world.audit(tmp_path / "log")).exit_code == 0


async def test_a_fetch_in_the_same_batch_sees_the_change_that_stands_before_it(
    world: World, tmp_path: Path
) -> None:
    given = await world.given(chosen=NEEDED | {OTHER})
    request = await world.ask(attributes=(*NEEDED, MORE), amends=given.grant)
    seal = (await look(world.house, citizen=given.citizen, request=request, language="nl")).seal
    before, _, new, old = await asyncio.gather(
        world.disclose(given.tokens, OTHER),
        _answer(world, request, seal),
        world.disclose(given.tokens, MORE),
        world.disclose(given.tokens, OTHER),
    )
    assert isinstance(before, Given)
    assert isinstance(new, Given)
    assert {sealed.name for sealed, _ in new.values} == {MORE}
    assert old == Refused("beyond_grant")
    assert (await world.audit(tmp_path / "log")).exit_code == 0


# What she took out stays out


async def test_a_retry_does_not_bring_back_what_she_took_out(world: World) -> None:
    given = await world.given(chosen=NEEDED | {OTHER})
    first = await world.disclose(given.tokens, OTHER, key="one")
    assert isinstance(first, Given)
    await world.amended(given, *NEEDED)
    again = await world.disclose(given.tokens, OTHER, key="one")
    assert isinstance(again, Refused)
    assert (again.reason, again.leaf) == ("beyond_grant", first.leaf)


async def test_what_she_took_out_is_used_no_longer(world: World, tmp_path: Path) -> None:
    given = await world.given(chosen=NEEDED | {OTHER})
    both = await world.disclose(given.tokens)
    needed = await world.disclose(given.tokens, *NEEDED)
    assert isinstance(both, Given)
    assert isinstance(needed, Given)
    assert isinstance(await world.use(given.tokens, both.disclosure), Registered)
    await world.amended(given, *NEEDED)
    assert await world.use(given.tokens, both.disclosure) == UseRefused("beyond_grant")
    # Today's sentence names what is out now, so nothing goes on under it; another sentence may be used.
    assert await world.use(given.tokens, needed.disclosure) == UseRefused("beyond_grant")
    assert isinstance(await world.use(given.tokens, needed.disclosure, template="offer"), Registered)
    world.pass_time(24 * 3600)
    tokens = await world.refresh(given.tokens)
    assert isinstance(await world.use(tokens, needed.disclosure), Registered)
    assert (await world.audit(tmp_path / "log")).exit_code == 0


# History, and who


async def test_the_receipt_keeps_what_held_from_when_on(world: World) -> None:
    given = await world.given(chosen=NEEDED | {OTHER}, days=10)
    began = world.at
    world.pass_time(3600)
    await world.amended(given, *NEEDED, days=20)
    page = await receipt(world.house, citizen=given.citizen, grant=given.grant, language="en")
    assert [(v.from_at, v.until) for v in page.versions] == [
        (world.at, world.at + 20 * DAY),
        (began, began + 10 * DAY),
    ]
    assert ("Energy supplier" in page.versions[1].labels, "Energy supplier" in page.versions[0].labels) == (
        True,
        False,
    )
    file = await receipt_file(world.house, citizen=given.citizen, grant=given.grant)
    record = file["dpv:hasRecordOfActivity"]
    first, second = record["dct:hasVersion"]
    assert OTHER in first["dpv:hasPersonalData"]
    assert OTHER not in second["dpv:hasPersonalData"]
    assert [s["@type"][0] for s in record["dpv:hasConsentStatus"]] == [
        "dpv:ConsentGiven",
        "dpv:RenewedConsentGiven",
    ]
    (month,) = (await timeline(world.house, citizen=given.citizen, language="nl")).months
    assert (month.lines[0].kind, month.lines[0].until) == ("amended", world.at + 20 * DAY)


async def test_an_organisation_hears_the_class_of_who_decided_and_only_she_reads_who(world: World) -> None:
    helper = await world.mandate()
    given = await world.given(by=helper)
    assert given.tokens.grant is not None
    assert given.tokens.grant.given_by == "helper"
    disclosed = await world.disclose(given.tokens)
    assert isinstance(disclosed, Given)
    assert disclosed.given_by == "helper"
    assert (await records(world, given.grant))[0]["by"] == "helper"
    file = await receipt_file(world.house, citizen=given.citizen, grant=given.grant)
    (status,) = file["dpv:hasRecordOfActivity"]["dpv:hasConsentStatus"]
    assert status["dpv:isIndicatedBy"]["dct:identifier"] == helper.id
    assert helper.id not in str(await world.state(given.grant))
    assert helper.id is not None
    assert helper.id.encode() not in disclosed.opening.record + (disclosed.opening.detail or b"")
    changed = await world.amended(given, *NEEDED, MORE)
    assert changed.tokens.grant is not None
    assert changed.tokens.grant.given_by == "self"  # this time she decided herself


def test_a_helper_is_somebody_and_nobody_is_her_own_helper() -> None:
    with pytest.raises(ValueError, match="a helper has an id"):
        Actor(kind="helper")
    with pytest.raises(ValueError, match="a helper has an id"):
        Actor(id="f" * 32)
