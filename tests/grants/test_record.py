"""The receipt: the person's own copy in words that others can read, without any value."""

from datetime import datetime
from typing import Any

import pytest

from consent.grants.grant import State, version_of
from consent.grants.record import receipt
from consent.words.actors import HERSELF

from .things import ISSUER, NOON, grant, seeded


def made(at: int = NOON, **changes: Any) -> dict[str, Any]:
    organisation, purpose = seeded()
    given = grant(**changes)
    first = version_of(given, by=HERSELF, at=given.granted_at, index=given.index)
    return receipt(
        given, purpose=purpose, organisation=organisation, subject="pairwise-name", issuer=ISSUER,
        origin="consent.example/log/2030", at=at,
        versions=[first],
    )  # fmt: skip


def test_whom_for_what_which_attributes_until_when_and_how_to_stop() -> None:
    organisation, purpose = seeded()
    file = made()
    assert file["@type"] == "dpv:ConsentReceipt"
    assert file["@id"] == f"{ISSUER}/my/grants/{'a' * 32}/receipt.json"
    assert file["log"] == {"origin": "consent.example/log/2030", "index": 7, "last": 7}
    record = file["dpv:hasRecordOfActivity"]
    assert record["dpv:hasDataSubject"] == {"@id": "pairwise-name"}
    assert record["dpv:hasDataController"]["schema:name"] == organisation.name
    assert record["dpv:hasLegalBasis"] == "eu-gdpr:A6-1-e"
    (process,) = record["dpv:hasProcess"]
    assert process["dpv:hasPurpose"]["dct:identifier"] == "energietoeslag@1"
    assert process["dpv:hasPurpose"]["dct:title"] == purpose.title.nl
    assert [one["dct:identifier"] for one in process["dpv:hasPersonalData"]] == [
        "household_size", "income_below_threshold"
    ]  # fmt: skip
    assert {one["dpv:hasNecessity"] for one in process["dpv:hasPersonalData"]} == {"dpv:Required"}
    assert record["dpv:hasConsentControl"]["dpv:isExercisedAt"] == f"{ISSUER}/my/grants/{'a' * 32}"
    assert record["dpv:hasNotice"]["dct:identifier"] == f"sha256:{'t' * 64}"
    (given,) = record["dpv:hasConsentStatus"]
    assert given["dpv:hasDuration"] == f"PT{90 * 86_400}S"


def test_it_is_written_in_the_language_that_she_read() -> None:
    _, purpose = seeded()
    for language, title in (("nl", purpose.title.nl), ("en", purpose.title.en)):
        record = made(language=language)["dpv:hasRecordOfActivity"]
        assert record["dpv:hasProcess"][0]["dpv:hasPurpose"]["dct:title"] == title
        assert record["dpv:hasNotice"]["dct:language"] == language


@pytest.mark.parametrize(
    ("state", "word"),
    [("withdrawn", "Withdrawn"), ("revoked", "Revoked"), ("expired", "Expired"), ("frozen", "Invalidated")],
)
def test_how_it_ended_and_when(state: State, word: str) -> None:
    file = made(state=state, ended_at=NOON + 5_000_000)
    _, ended = file["dpv:hasRecordOfActivity"]["dpv:hasConsentStatus"]
    assert ended["@type"] == [f"dpv:Consent{word}"]
    assert datetime.fromisoformat(ended["dpv:isIndicatedAtTime"]).timestamp() == NOON // 1_000_000 + 5


def test_a_grant_that_time_ended_says_so_before_anybody_wrote_it_down() -> None:
    ends_at = grant().expires_at
    assert len(made(at=ends_at - 1)["dpv:hasRecordOfActivity"]["dpv:hasConsentStatus"]) == 1
    _, ended = made(at=ends_at)["dpv:hasRecordOfActivity"]["dpv:hasConsentStatus"]
    assert ended["@type"] == ["dpv:ConsentExpired"]


def test_it_names_her_only_as_the_organisation_knows_her() -> None:
    assert "c" * 32 not in str(made())
