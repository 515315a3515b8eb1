"""No proof, no data: each lie that a service could tell in a receipt, and the check that finds it."""

import asyncio
import base64
import os
from collections.abc import Callable
from typing import Any

import pytest
from consent_sdk import Arrangement, MemoryStore, Organisation, ProofError, ProtocolError

from . import world as worlds
from .log_world import TestLog, b64
from .world import VALUES, World

Answer = dict[str, Any]


async def _refused(org: Organisation, arrangement: Arrangement, check: str) -> ProofError:
    with pytest.raises(ProofError) as caught:
        await org.fetch(arrangement, ["income", "name"])
    assert caught.value.check == check
    seen = str(caught.value) + str(caught.value.evidence)
    assert str(VALUES["name"]) not in seen
    assert str(VALUES["income"]) not in seen
    return caught.value


def _in_audit(**changes: Any) -> Callable[[Answer, Answer], None]:
    return lambda audit, detail: audit.update(changes)


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"v": 2}, "audit_record"),
        ({"sig": "webauthn"}, "audit_record"),
        ({"o": "consent.example/log/2029"}, "origin"),
        ({"i": 0}, "index"),
        ({"ev": "used"}, "event"),
        ({"purpose": "housing-benefit@2"}, "purpose"),
        ({"purpose": "marketing@3"}, "purpose"),
        ({"attributes": []}, "attributes"),
        ({"attributes": ["income"]}, "attributes"),
        ({"attributes": ["city", "income", "name"]}, "attributes"),
        ({"attributes": ["name", "income"]}, "attributes"),
        ({"c": 999}, "grant"),
        ({"c": None}, "grant"),
        ({"c": True}, "grant"),
        ({"t": 1_900_000_000 + 301}, "time"),
        ({"t": 1_900_000_000 - 301}, "time"),
        ({"exp": 1_900_000_000}, "time"),
        ({"nbf": 1_900_000_001}, "time"),
        ({"org": 7}, "organisation"),
    ],
)
async def test_a_record_that_says_something_else_is_not_accepted(
    world: World, org: Organisation, arrangement: Arrangement, changes: Answer, check: str
) -> None:
    world.before_commit = _in_audit(**changes)
    await _refused(org, arrangement, check)


async def test_the_organisation_of_the_constructor_counts(world: World, arrangement: Arrangement) -> None:
    async with world.client() as http:
        org = world.organisation(MemoryStore(), http, organisation="energy")
        await _refused(org, arrangement, "organisation")


async def test_the_organisation_of_the_first_receipt_counts_later(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    await org.fetch(arrangement, ["name"])
    world.before_commit = _in_audit(org="energy")
    await _refused(org, arrangement, "organisation")


async def test_data_of_somebody_else_are_not_accepted(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    world.before_commit = lambda audit, detail: detail.update(sub="sub-other")
    await _refused(org, arrangement, "subject")


def _other_value(answer: Answer) -> None:
    answer["attributes"]["income"]["value"] += 1


def _other_salt(answer: Answer) -> None:
    answer["attributes"]["income"]["salt"] = b64(os.urandom(32))


def _swapped_values(answer: Answer) -> None:
    values = answer["attributes"]
    values["name"], values["income"] = values["income"], values["name"]


def _opening(member: str, value: Any) -> Callable[[Answer], None]:
    return lambda answer: answer["entry"]["opening"].update({member: value})


def _value_more(answer: Answer) -> None:
    answer["attributes"]["city"] = answer["attributes"]["name"]


def _value_less(answer: Answer) -> None:
    del answer["attributes"]["name"]


def _leaf(start: int, end: int) -> Callable[[Answer], None]:
    def change(answer: Answer) -> None:
        raw = bytearray(base64.b64decode(answer["entry"]["leaf"]))
        raw[start:end] = os.urandom(end - start)
        answer["entry"]["leaf"] = b64(bytes(raw))

    return change


def _proof(old: str, new: str) -> Callable[[Answer], None]:
    return lambda answer: answer.update(proof=answer["proof"].replace(old, new, 1))


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (_other_value, "value"),
        (_other_salt, "value"),
        (_swapped_values, "value"),
        (_value_more, "attributes"),
        (_value_less, "attributes"),
        (_opening("i", 1), "index"),
        (_opening("kc", b64(os.urandom(32))), "consent_tag"),
        (_opening("kc", "x"), "consent_tag"),
        (_opening("a", b64(os.urandom(32))), "audit_commit"),
        (_opening("A", "{}"), "audit_commit"),
        (_opening("d", b64(os.urandom(32))), "detail_commit"),
        (_opening("d", None), "detail_commit"),
        (_opening("D", '{"sub":"x"}'), "detail_commit"),
        (_leaf(0, 8), "leaf"),
        (_leaf(8, 24), "inclusion"),
        (_leaf(120, 152), "inclusion"),
        (lambda answer: answer["entry"].update(leaf=b64(os.urandom(151))), "leaf"),
        (_proof("\nindex 2\n", "\nindex 1\n"), "inclusion"),
        (_proof("\nindex 2\n", "\nindex 02\n"), "proof"),
        (_proof("c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2"), "proof"),
        (_proof("consent.example/log/2030\n3\n", "consent.example/log/2030\n4\n"), "signature"),
        (_proof("consent.example/log/2030\n", "evil.example/log/2030\n"), "origin"),
        (lambda answer: answer.update(proof=""), "proof"),
    ],
)
async def test_an_answer_that_was_changed_on_the_way_is_not_accepted(
    world: World, org: Organisation, arrangement: Arrangement, change: Callable[[Answer], None], check: str
) -> None:
    world.after_commit = change
    error = await _refused(org, arrangement, check)
    assert set(error.evidence) == {"entry", "proof"}


async def test_one_entry_does_not_count_at_two_indices(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    def again(answer: Answer) -> None:
        world.log.leaves.append(base64.b64decode(answer["entry"]["leaf"]))
        answer["proof"] = world.log.proof(len(world.log.leaves) - 1)

    world.after_commit = again
    await _refused(org, arrangement, "index")


async def test_a_record_that_can_be_read_in_two_ways_is_not_accepted(
    world: World, org: Organisation, arrangement: Arrangement, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice(structure: Any) -> bytes:
        raw = original(structure)
        return raw.replace(b'"ev":', b'"ev":"refused","ev":') if b'"ev"' in raw else raw

    original = worlds.canonical
    monkeypatch.setattr(worlds, "canonical", twice)
    await _refused(org, arrangement, "audit_record")


async def test_an_entry_under_the_permission_of_somebody_else_is_found(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    await org.fetch(arrangement, ["name"])
    world.grants[arrangement.grant_id].consent_key = os.urandom(32)
    await _refused(org, arrangement, "same_consent")


async def test_two_first_receipts_at_once_must_agree(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    def other_permission(audit: Answer, detail: Answer) -> None:
        world.grants[arrangement.grant_id].consent_key = os.urandom(32)

    world.before_commit = other_permission
    got = await asyncio.gather(*(org.fetch(arrangement, ["name"]) for _ in range(2)), return_exceptions=True)
    assert [type(one).__name__ for one in got].count("Disclosure") == 1


async def test_an_entry_that_points_at_another_permission_is_found(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    await org.fetch(arrangement, ["name"])
    world.grants[arrangement.grant_id].index = 0
    await _refused(org, arrangement, "grant")


async def test_a_refused_receipt_pins_nothing(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    world.before_commit = _in_audit(org="energy", ev="used")
    await _refused(org, arrangement, "event")
    world.before_commit = lambda audit, detail: None
    await org.fetch(arrangement, ["name"])


async def test_an_old_entry_only_passes_for_a_repeat(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    first = await org.fetch(arrangement, ["income", "name"], "monday")
    world.now += 4000
    again = await org.fetch(arrangement, ["income", "name"], "monday")
    assert again.entry == first.entry
    world.after_commit = lambda answer: answer.update(world.repeats["monday"])
    await _refused(org, arrangement, "time")


async def test_less_than_was_asked_is_fine_when_the_records_say_so(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    def without_name(audit: Answer, detail: Answer) -> None:
        audit["attributes"] = ["income"]
        detail["values"] = [row for row in detail["values"] if row[0] == "income"]

    world.before_commit = without_name
    world.after_commit = _value_less
    assert set((await org.fetch(arrangement, ["income", "name"])).values) == {"income"}


async def test_more_than_was_asked_is_not_accepted_even_with_a_right_receipt(
    world: World, org: Organisation, arrangement: Arrangement, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = world._book
    monkeypatch.setattr(world, "_book", lambda grant, asked: book(grant, ["city", "income", "name"]))
    await _refused(org, arrangement, "attributes")


async def test_an_answer_about_another_permission_is_not_accepted(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    world.after_commit = lambda answer: answer.update(grant_id="f" * 32)
    with pytest.raises(ProtocolError, match="another permission"):
        await org.fetch(arrangement, ["name"])


async def test_lists_and_text_beyond_ascii_are_values_too(world: World, org: Organisation) -> None:
    ask = await org.ask(
        purpose="housing-benefit", purpose_version=3, attributes=["children"], duration_days=1
    )
    arrangement = await org.receive(world.citizen_says_yes(ask.url, ["children"]), ask)
    assert (await org.fetch(arrangement, ["children"])).values["children"].value == ["Bo", "Éva"]


async def test_a_log_with_another_key_is_not_believed(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    await org.fetch(arrangement, ["name"])
    leaves = world.log.leaves
    world.log = TestLog(world.log.origin)
    world.log.leaves = leaves
    await _refused(org, arrangement, "signature")


async def test_only_pinned_logs_are_believed_when_keys_are_given(
    world: World, arrangement: Arrangement
) -> None:
    async with world.client() as http:
        org = world.organisation(MemoryStore(), http, log_keys=[world.log.vkey])
        assert (await org.fetch(arrangement, ["name"])).values
        assert "/log/2030/policy" not in world.paths()
        other = TestLog("consent.example/log/2031")
        org = world.organisation(MemoryStore(), http, log_keys=[other.vkey])
        await _refused(org, arrangement, "signature")
