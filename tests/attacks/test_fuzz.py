"""Spoilt messages by the thousand, byte by byte, to the OAuth doors: each is answered, soon, and changes nothing.

A target makes a message that is right but for what hypothesis spoils in it; that it is right without, is tested too, so
that what is spoilt lies behind the first lock. CONSENT_FUZZ sets how many messages each target gets (150).
"""

import base64
import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.demo import Stage
from consent.opening import DATABASE
from tests.conformance.flow import request_object
from tests.web.knock import MARK, Answer, check_manners, knock, write
from tests.web.office import REDIRECT, Office, fresh, now, office_of

from .spoil import JSON_SPOILS, TEXT_SPOILS, TOKEN_SPOILS, JsonSpoil, TextSpoil, TokenSpoil

MESSAGES = int(os.environ.get("CONSENT_FUZZ", "150"))
SOON = 2.0  # seconds
KEPT = (
    "grants", "grant_versions", "sealed_values", "organisations", "purposes", "clients", "operators", "disclosures",
    "uses", "refusals", "log_entries",
)  # fmt: skip
_CONTROLS = bytes([*range(32), 127])
FORM = ("content-type", "application/x-www-form-urlencoded")


class Bench(NamedTuple):
    """An organisation that is served, with all that it may bring."""

    office: Office
    token: str
    grant: str
    registration: str
    operator: str
    newcomer: str  # where a client that waits for its approval keeps its registration …
    newcomer_token: str  # … and what opens it


@pytest.fixture(scope="module")
def bench(served: Stage) -> Bench:
    office = office_of(served, "spoilsport")
    invitation = served.run("registration", "token", office.organisation).split()[-1]
    newcomer = office.http.post(
        "/oauth/register", json=metadata_of(office), headers={"authorization": f"Bearer {invitation}"}
    ).json()
    return Bench(
        office,
        office.own_token(),
        office.tokens()["grant_id"],
        served.run("client", "token", office.client_id).split()[-1],
        served.run("operator", "token", "spoilt", "--scope", "read").split()[-1],
        f"/oauth/register/{newcomer['client_id']}",
        newcomer["registration_access_token"],
    )


@pytest.fixture(scope="module", autouse=True)
def nothing_changes(served: Stage, bench: Bench) -> Iterator[None]:
    """No grant, no disclosure and no entry more, less or other, and nothing of what was sent in the service's log."""
    before = kept(served)
    yield
    assert kept(served) == before
    assert MARK not in (served.folder / "service.log").read_text()


def kept(stage: Stage) -> list[str]:
    """What nobody may change by sending bad messages."""
    where = f"file:{stage.service / DATABASE}?mode=ro"
    with contextlib.closing(sqlite3.connect(where, uri=True)) as database:
        return [
            f"{table}: {row}"
            for table in KEPT
            for row in sorted(map(repr, database.execute(f'SELECT * FROM "{table}"')))
        ]


# How a message is made


def header_safe(octets: bytes) -> bytes:
    """Without control characters: with them it is no HTTP, and the server says so before we are reached."""
    return octets.translate(None, _CONTROLS).strip()


def encoded(fields: dict[str, bytes | str]) -> bytes:
    """A form, each octet of its values as it is meant."""
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items()).encode()


def posted(office: Office, path: str, fields: dict[str, Any], proof: bytes | None = None) -> bytes:
    """A form on its way, with a right proof unless one is given."""
    proved = proof if proof is not None else office.proof("POST", path).encode()
    return write("POST", path, [FORM, ("dpop", proved)], encoded(fields))


def claims_of_assertion(office: Office) -> dict[str, Any]:
    """A right client assertion."""
    who = office.client_id
    return {
        "iss": who,
        "sub": who,
        "aud": office.stage.issuer,
        "iat": now(),
        "exp": now() + 60,
        "jti": fresh(),
    }


def with_assertion(bench: Bench, spoil: TokenSpoil) -> bytes:
    token = spoil.spoil(bench.office.key, {"typ": "JWT"}, claims_of_assertion(bench.office))
    fields: dict[str, Any] = bench.office.identified(grant_type="client_credentials")
    return posted(bench.office, "/oauth/token", fields | {"client_assertion": token})


def _proof(office: Office, spoil: TokenSpoil, method: str, path: str, **more: str) -> bytes:
    header = {"typ": "dpop+jwt", "jwk": office.key.public_jwk}
    claims = {"htm": method, "htu": office.stage.issuer + path, "iat": now(), "jti": fresh()} | more
    return header_safe(spoil.spoil(office.key, header, claims))


def with_proof(bench: Bench, spoil: TokenSpoil) -> bytes:
    fields = bench.office.identified(grant_type="client_credentials")
    return posted(bench.office, "/oauth/token", fields, _proof(bench.office, spoil, "POST", "/oauth/token"))


def with_proof_at_the_api(bench: Bench, spoil: TokenSpoil) -> bytes:
    ath = json.loads(_opened(bench.office.proof("GET", "/organisation/grants", bench.token)))["ath"]
    proof = _proof(bench.office, spoil, "GET", "/organisation/grants", ath=ath)
    return write("GET", "/organisation/grants", [("authorization", f"DPoP {bench.token}"), ("dpop", proof)])


def _opened(token: str) -> bytes:
    payload = token.split(".")[1]
    return base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))


def with_request_object(bench: Bench, spoil: TokenSpoil) -> bytes:
    claims = json.loads(_opened(request_object(bench.office)))
    token = spoil.spoil(bench.office.key, {"typ": "oauth-authz-req+jwt"}, claims)
    fields: dict[str, Any] = bench.office.identified()
    return posted(bench.office, "/oauth/par", fields | {"request": token})


def with_details(bench: Bench, spoil: JsonSpoil) -> bytes:
    fields: dict[str, Any] = bench.office.request_fields("v" * 43)
    (right,) = json.loads(fields["authorization_details"])
    spoilt = spoil.spoil(right)
    details = spoilt if spoil.how == "whole" else b"[" + spoilt + b"]"
    return posted(bench.office, "/oauth/par", fields | {"authorization_details": details})


def with_attributes(bench: Bench, spoil: JsonSpoil) -> bytes:
    fields: dict[str, Any] = bench.office.request_fields("v" * 43)
    (right,) = json.loads(fields["authorization_details"])
    spoilt = b"[" + json.dumps(right).encode().replace(b'["household_size"', b"[" + spoil.text) + b"]"
    if spoil.how != "right":
        fields |= {"authorization_details": spoilt}
    return posted(bench.office, "/oauth/par", fields)


def metadata_of(office: Office) -> dict[str, Any]:
    """What a developer registers."""
    return {
        "client_name": "Spoilt",
        "redirect_uris": [REDIRECT],
        "jwks": {"keys": [dict(office.key.public_jwk)]},
        "contacts": ["someone@spoilsport.example"],
        "software_id": "spoilt",
        "software_version": "1",
        "client_uri": "https://spoilsport.example/",
        "signals_endpoint": "http://127.0.0.1:9/signals",
        "dpop_nonce_required": False,
        "require_signed_request_object": False,
    }


def with_metadata(bench: Bench, spoil: JsonSpoil) -> bytes:
    return _put(bench, spoil.spoil(metadata_of(bench.office)))


def _put(bench: Bench, body: bytes) -> bytes:
    headers = [("authorization", f"Bearer {bench.newcomer_token}"), ("content-type", "application/json")]
    return write("PUT", bench.newcomer, headers, body)


def with_key(bench: Bench, spoil: JsonSpoil) -> bytes:
    metadata = metadata_of(bench.office) | {"jwks": "here"}
    key = spoil.spoil(dict(bench.office.key.public_jwk) | {"kid": "one", "use": "sig", "alg": "ES256"})
    body = json.dumps(metadata).encode().replace(b'"here"', b'{"keys":[' + key + b"]}")
    return _put(bench, body)


def _place(spoil: TextSpoil, right: str) -> bytes:
    """An id in a path: as octets that a request line can hold."""
    return quote(spoil.spoil(right.encode()), safe="%&=+~.'").encode()


def with_grant_id(bench: Bench, spoil: TextSpoil) -> bytes:
    path = b"/grants/" + _place(spoil, bench.grant)
    proof = bench.office.proof("GET", path.decode(), bench.token)
    return write("GET", path, [("authorization", f"DPoP {bench.token}"), ("dpop", proof)])


def with_grant_id_in_a_form(bench: Bench, spoil: TextSpoil) -> bytes:
    fields: dict[str, Any] = bench.office.request_fields("v" * 43, grant_management_action="replace")
    return posted(bench.office, "/oauth/par", fields | {"grant_id": spoil.spoil(bench.grant.encode())})


def with_client_id(bench: Bench, spoil: TextSpoil) -> bytes:
    path = b"/oauth/register/" + _place(spoil, bench.office.client_id)
    return write("GET", path, [("authorization", f"Bearer {bench.registration}")])


def with_authorization(bench: Bench, spoil: TextSpoil) -> bytes:
    credential = header_safe(spoil.spoil(f"DPoP {bench.token}".encode()))
    proof = bench.office.proof("GET", "/organisation/grants", bench.token)
    return write("GET", "/organisation/grants", [("authorization", credential), ("dpop", proof)])


def with_operator_token(bench: Bench, spoil: TextSpoil) -> bytes:
    credential = header_safe(spoil.spoil(f"Bearer {bench.operator}".encode()))
    return write("GET", "/operator/journal", [("authorization", credential)])


def with_form(bench: Bench, spoil: TextSpoil) -> bytes:
    """The octets of the form itself: half codes, names twice, no names at all."""
    proof = bench.office.proof("POST", "/oauth/par")
    body = spoil.spoil(encoded({**bench.office.request_fields("v" * 43)}))
    return write("POST", "/oauth/par", [FORM, ("dpop", proof)], body)


def with_token(bench: Bench, spoil: TextSpoil) -> bytes:
    fields: dict[str, Any] = bench.office.identified()
    return posted(bench.office, "/oauth/introspect", fields | {"token": spoil.spoil(bench.token.encode())})


def with_query(bench: Bench, spoil: TextSpoil) -> bytes:
    reference = (
        bench.office.push("v" * 43) if spoil.how == "right" else "/oauth/authorize?client_id=a&request_uri=b"
    )
    path, _, query = reference.partition("?")
    spoilt = quote(spoil.spoil(query.encode()), safe="%&=+~.':?/")
    return write("GET", f"{path}?{spoilt}")


def field(name: str, path: str) -> Callable[[Bench, TextSpoil], bytes]:
    """A target for one field of a form."""

    def one(bench: Bench, spoil: TextSpoil) -> bytes:
        fields: dict[str, Any] = bench.office.request_fields("v" * 43, state="s", nonce="n", dpop_jkt="")
        if path == "/oauth/token":
            fields = bench.office.identified(grant_type="client_credentials")
        return posted(bench.office, path, fields | {name: spoil.spoil(str(fields[name]).encode())})

    one.__name__ = f"with_{name}"
    return one


FIELDS = (
    "client_id",
    "client_assertion_type",
    "redirect_uri",
    "response_type",
    "code_challenge",
    "state",
    "nonce",
)
TARGETS: list[tuple[Callable[[Bench, Any], bytes], st.SearchStrategy[Any], Any]] = [
    *((target, TOKEN_SPOILS, TokenSpoil()) for target in (
        with_assertion, with_proof, with_proof_at_the_api, with_request_object)),
    *((target, JSON_SPOILS, JsonSpoil()) for target in (with_details, with_attributes, with_metadata, with_key)),
    *((target, TEXT_SPOILS, TextSpoil()) for target in (
        with_grant_id, with_client_id, with_authorization, with_operator_token, with_form, with_token, with_query,
        with_grant_id_in_a_form, *(field(name, "/oauth/par") for name in FIELDS), field("grant_type", "/oauth/token"))),
]  # fmt: skip
IDS = [target.__name__ for target, _, _ in TARGETS]


def answered(stage: Stage, octets: bytes) -> Answer:
    """The answer, which must come soon; on a busy machine the same may be tried twice."""
    for is_last in (False, True):
        began = time.monotonic()
        answer = knock(stage.port, octets)
        if time.monotonic() - began < SOON:
            break
        assert not is_last, "too slow, twice"
    return answer


@pytest.mark.parametrize(("target", "strategy", "right"), TARGETS, ids=IDS)
def test_what_is_not_spoilt_goes_through(
    bench: Bench, target: Callable[[Bench, Any], bytes], strategy: object, right: Any
) -> None:
    answer = answered(bench.office.stage, target(bench, right))
    assert answer.status in (200, 201, 303), answer.body


@pytest.mark.parametrize(("target", "strategy", "right"), TARGETS, ids=IDS)
def test_what_is_spoilt_is_answered_soon_and_never_echoed(
    bench: Bench, target: Callable[[Bench, Any], bytes], strategy: st.SearchStrategy[Any], right: object
) -> None:
    @settings(max_examples=MESSAGES, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def spoilt(spoil: Any) -> None:
        answer = answered(bench.office.stage, target(bench, spoil))
        # Its own metadata comes back to whoever registered it; nothing else does.
        echo = [] if answer.status < 300 else [MARK.encode()]
        check_manners(answer, forbidden=echo)

    spoilt()


def test_the_service_is_well_afterwards(bench: Bench) -> None:
    assert httpx.get(f"{bench.office.stage.issuer}/log").status_code == 200
    assert bench.office.own_token()
