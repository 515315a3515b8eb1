"""What is said in a signal and how often, what a receiver's answer means, and which address may be told."""

import pytest

from consent.oauth.clients import ClientSettings, check_settings
from consent.oauth.signals import (
    MOST_TRIES,
    check_deletion_statement,
    event_claims,
    failure_of,
    wait_after,
)
from consent.words.errors import BadInput
from consent.words.instants import DAY, HOUR, SECOND
from tests.oauth.actors import EC, EC_OTHER, ISSUER, NOON, NOON_S, public, signed

GRANT = "7a" * 16
PURGED = "https://schemas.openid.net/secevent/risc/event-type/account-purged"


def claims(event: str, *attributes: str) -> dict[str, object]:
    return event_claims(
        issuer=ISSUER, client="bank-app", signal="1" * 32, grant=GRANT, event=event,  # type: ignore[arg-type]
        attributes=attributes, happened_at=NOON - 1, at=NOON,
    )  # fmt: skip


def test_a_signal_is_about_a_grant_and_has_neither_sub_nor_exp() -> None:
    said = claims("ended")
    assert said["sub_id"] == {"format": "opaque", "id": GRANT}
    assert said["events"] == {f"{ISSUER}/events/grant-ended/v1": {}}
    assert (said["iat"], said["toe"]) == (NOON_S, NOON_S - 1)
    assert said.keys() & {"sub", "exp", "nbf"} == set()


def test_attributes_are_named_in_order() -> None:
    (payload,) = claims("corrected", "iban", "email")["events"].values()  # type: ignore[attr-defined]
    assert payload == {"attributes": ["email", "iban"]}


def test_only_an_erased_account_has_a_name_of_another_profile() -> None:
    assert claims("erased")["events"] == {f"{ISSUER}/events/account-erased/v1": {}, PURGED: {}}
    assert all(len(claims(event)["events"]) == 1 for event in ("ended", "amended", "corrected"))  # type: ignore[arg-type]


def test_waits_double_up_to_half_a_day_and_chance_moves_them_by_a_quarter() -> None:
    shortest = [wait_after(tries, b"\0\0") for tries in range(1, MOST_TRIES)]
    longest = [wait_after(tries, b"\xff\xff") for tries in range(1, MOST_TRIES)]
    assert shortest[:3] == [7_500_000, 15 * SECOND, 30 * SECOND]
    assert all(
        low * 5 // 3 - SECOND <= high <= low * 5 // 3 for low, high in zip(shortest, longest, strict=True)
    )
    assert max(longest) <= 15 * HOUR
    assert 4 * DAY < sum(shortest) < sum(longest) < 9 * DAY
    assert wait_after(10**6, b"\0\0") == 9 * HOUR


@pytest.mark.parametrize(
    ("status", "body", "word"),
    [
        (202, b"", None),
        (200, b"", "not_accepted"),
        (100, b"", "not_accepted"),
        (302, b"", "redirected"),
        (400, b'{"err":"invalid_key"}', "invalid_key"),
        (400, b'{"err":"access_denied","description":"..."}', "access_denied"),
        (400, b'{"err":"made up"}', "http_4xx"),
        (400, b'{"err":1}', "http_4xx"),
        (400, b'["err"]', "http_4xx"),
        (400, b"\xff\xfe", "http_4xx"),
        (401, b'{"err":"invalid_key"}', "http_4xx"),
        (500, b"", "http_5xx"),
        (999, b"", "http_5xx"),
    ],
)
def test_an_answer_becomes_a_word_of_a_closed_list(status: int, body: bytes, word: str | None) -> None:
    assert failure_of(status, body) == word


@pytest.mark.parametrize(
    "uri", ["https://bank.example/signals", "https://bank.example:8443/s?x=1", "http://127.0.0.1:8001/s"]
)
def test_an_endpoint_is_https_or_on_this_machine(uri: str) -> None:
    check_settings(ClientSettings(signals_endpoint=uri), has_keys=True)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "http://bank.example/signals",
        "https://user@bank.example/",
        "https://bank.example/#there",
        "https://",
        "ftp://bank.example/",
        "javascript:alert(1)",
        "https://bank.example/ signals",
        "https://bank.example/" + "x" * 2048,
    ],
)
def test_any_other_endpoint_is_refused(uri: str) -> None:
    with pytest.raises(BadInput, match="signals_endpoint"):
        check_settings(ClientSettings(signals_endpoint=uri), has_keys=True)


def statement(key: object = EC, header: dict[str, object] | None = None, **changed: object) -> str:
    usual = {
        "iss": "bank-app", "aud": ISSUER, "iat": NOON_S, "grant_id": GRANT, "scope": "all",
        "deleted_at": NOON_S - 5,
    } | changed  # fmt: skip
    return signed({"alg": "ES256", "typ": "deletion-statement+jwt", **(header or {})}, usual, key)


def checked(text: str) -> object:
    keys = [public(EC)]
    return check_deletion_statement(text, client="bank-app", keys=keys, issuer=ISSUER, grant=GRANT, at=NOON)


def test_a_statement_says_how_much_is_gone_and_since_when() -> None:
    found = checked(statement())
    assert (found.scope, found.deleted_at) == ("all", NOON - 5 * SECOND)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text",
    [
        statement(EC_OTHER),
        statement(header={"typ": "secevent+jwt"}),
        statement(header={"crit": ["b64"], "b64": False}),
        statement(iss="other"),
        statement(aud=[ISSUER]),
        statement(grant_id="0" * 32),
        statement(scope="nearly all"),
        statement(deleted_at=NOON_S + 1),
        statement(deleted_at=float(NOON_S)),
        statement(iat=NOON_S + 31, deleted_at=NOON_S),
        "a.b.c",
        "",
    ],
)
def test_any_other_statement_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        checked(text)
