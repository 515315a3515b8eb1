"""What may be registered about a client, and which changes have to wait for an operator."""

from typing import Any

import pytest
from msgspec.structs import replace

from consent.oauth.clients import ClientSettings
from consent.oauth.registration import changes, check_registration, in_effect, registered
from consent.words.errors import InvalidClientMetadata, InvalidRedirectUri

from .actors import EC, EC_OTHER, ED448, ISSUER, RSA_WEAK, public

GOOD: dict[str, Any] = {
    "client_name": "Bibliotheek – jeugdkaart",
    "redirect_uris": ["https://bieb.example/terug"],
    "jwks": {"keys": [public(EC, kid="one")]},
}


def check(**changed: Any) -> Any:
    document = {name: value for name, value in (GOOD | changed).items() if value is not None}
    return check_registration(document, issuer=ISSUER)


def refuse(**changed: Any) -> str:
    with pytest.raises(InvalidClientMetadata) as no:
        check(**changed)
    return str(no.value)


def test_the_smallest_registration_is_enough() -> None:
    metadata = check()
    assert metadata.client_name == GOOD["client_name"]
    assert metadata.settings == ClientSettings()
    shown = registered(metadata)
    assert shown["token_endpoint_auth_method"] == "private_key_jwt"
    assert shown["jwks"] == GOOD["jwks"]
    assert shown["grant_types"] == ["authorization_code", "refresh_token", "client_credentials"]


def test_batches_are_asked_for_by_their_own_name_and_wait_for_the_operator() -> None:
    type = f"{ISSUER}/types/batch_disclosure/v1"
    assert "authorization_details_types" in refuse(authorization_details_types=[type])
    metadata = check(batch_disclosure=True, authorization_details_types=[type])
    assert metadata.settings.batch_disclosure
    assert registered(metadata)["batch_disclosure"] is True
    plain = check()
    assert changes(plain, metadata) == ["batch_disclosure"]
    assert in_effect(plain, metadata, is_proved=True) == plain


def test_what_is_shown_can_be_sent_back() -> None:
    """RFC 7592 §2.2: a client puts what it read, with its changes."""
    metadata = check(
        contacts=["ict@bieb.example"], policy_uri="https://bieb.example/privacy", dpop_nonce_required=True
    )
    assert check_registration(registered(metadata), issuer=ISSUER) == metadata


def test_unknown_names_are_passed_over_and_so_is_a_client_id_of_ones_own() -> None:
    assert check(client_id="voorbeeldstad-loket", software_statement="e30.e30.e30", scope="all") == check()


@pytest.mark.parametrize(
    "changed",
    [
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"token_endpoint_auth_method": "none"},
        {"response_types": ["code", "token"]},
        {"response_types": "code"},
        {"grant_types": ["implicit"]},
        {"grant_types": ["client_credentials"]},
        {"dpop_bound_access_tokens": False},
        {"require_pushed_authorization_requests": False},
        {"token_endpoint_auth_signing_alg": "RS256"},
        {"request_object_signing_alg": "none"},
        {"authorization_details_types": ["https://elsewhere.example/types/all"]},
        {"authorization_signed_response_alg": "RS256"},
        {"require_signed_request_object": "yes"},
        {"contacts": ["a"] * 6},
        {"contacts": ["two\nlines"]},
        {"contacts": "ict@bieb.example"},
        {"software_id": "x" * 255},
    ],
    ids=str,
)
def test_what_does_not_work_here_is_said_at_once(changed: dict[str, Any]) -> None:
    refuse(**changed)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "–",
        "x" * 101,
        7,
        ["a"],
        "Gemeente V\u043e\u043erbeeldstad",  # Cyrillic o
        "Gemeente \u0391msterdam",  # Greek A
        "Bank\u202egnoj",  # turns the direction of reading
        "Bank\u200b",  # invisible
        "Bank\nGemeente",
        " Bank",
        "Cafe\u0301",  # not composed: two spellings of one name
    ],
    ids=ascii,
)
def test_a_name_cannot_pass_for_another(name: Any) -> None:
    refuse(client_name=name)


def test_ordinary_names_are_fine() -> None:
    for name in ("Gemeente Súdwest-Fryslân", "ICT & Co. (test) 2", "Bâtiment 5"):
        assert check(client_name=name).client_name == name


@pytest.mark.parametrize("field", ["client_uri", "logo_uri", "policy_uri", "tos_uri"])
@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:image/svg+xml,<svg/onload=alert(1)>",
        "vbscript:x",
        "file:///etc/passwd",
        "http://bieb.example/logo.png",
        "https://bieb.example@evil.example/",
        "https://bi\u0435b.example/logo.png",  # a Cyrillic letter
        "https://xn--bib-7lc.example/logo.png",
        "https://127.0.0.1/logo.png",
        "https://[::1]/logo.png",
        "https://localhost/logo.png",
        "https://bieb.example\\@evil.example/",
        "https://bieb.example/#here",
        "https://bieb.example:99999/",
        "https:/bieb.example/",
        "//bieb.example/logo.png",
        "https://" + "a" * 2050 + ".example/",
        ISSUER + "/static/mark.svg",
        "https://bieb.example/ logo.png",
        "https://bieb.example/\n",
        "",
    ],
    ids=lambda uri: ascii(uri)[:40],
)
def test_an_address_shows_plainly_where_it_leads(field: str, uri: str) -> None:
    assert refuse(**{field: uri}).startswith(f"{field}:")


@pytest.mark.parametrize(
    "uris",
    [
        [],
        ["https://bieb.example/terug"] * 2,
        [f"https://bieb.example/{n}" for n in range(11)],
        ["http://bieb.example/terug"],
        ["https://bieb.example/*"],
        ["https://bieb.example/#"],
        ["https://bieb.example/../x"],
        ["https://me@bieb.example/"],
        ["javascript:alert(1)"],
        ["data:text/html,x"],
        ["nl.bieb.app:/terug"],
        ["https://xn--bib-7lc.example/terug"],
        [ISSUER + "/"],
        [ISSUER.upper().replace("HTTPS", "https") + "/oauth/authorize"],
        [ISSUER + ":8443/terug"],
    ],
    ids=str,
)
def test_a_citizen_is_only_sent_to_an_address_of_the_organisation(uris: list[str]) -> None:
    with pytest.raises(InvalidRedirectUri):
        check(redirect_uris=uris)


def test_on_one_machine_the_port_tells_who_it_is() -> None:
    here = "http://localhost:8000"
    document = GOOD | {"redirect_uris": ["http://127.0.0.1:8001/callback", "http://127.0.0.1/callback"]}
    assert check_registration(document, issuer=here).redirect_uris == tuple(document["redirect_uris"])
    for uri in ("http://127.0.0.1:8000/callback", "http://[::1]:8000/"):
        with pytest.raises(InvalidRedirectUri):
            check_registration(GOOD | {"redirect_uris": [uri]}, issuer=here)


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [EC.as_dict(private=True)],
        [{"kty": "oct", "k": "c2VjcmV0"}],
        [public(RSA_WEAK)],
        [public(ED448)],
        [public(EC, use="enc")],
        [public(EC, kid="one"), public(EC_OTHER, kid="one")],
        [public(EC, kid=str(n)) for n in range(17)],
        ["key"],
    ],
    ids=[
        "none",
        "private",
        "symmetric",
        "weak",
        "unknown-curve",
        "to-encrypt",
        "one-name-twice",
        "too-many",
        "no-key",
    ],
)
def test_only_public_signing_keys_are_taken(keys: list[Any]) -> None:
    assert refuse(jwks={"keys": keys}).startswith("jwks:")


def test_keys_are_brought_or_pointed_at_and_not_both_or_neither() -> None:
    there = "https://bieb.example/jwks.json"
    assert check(jwks=None, jwks_uri=there).settings.jwks_uri == there
    refuse(jwks_uri=there)
    refuse(jwks=None)
    refuse(jwks=None, jwks_uri="http://bieb.example/jwks.json")
    refuse(jwks=None, jwks_uri=ISSUER + "/oauth/jwks")
    refuse(signals_endpoint=ISSUER + "/oauth/token")


def test_no_error_repeats_what_was_sent() -> None:
    for changed in (
        {"client_name": "s3cret\n"},
        {"logo_uri": "javascript:s3cret"},
        {"jwks": {"keys": [{"kty": "oct", "k": "s3cret"}]}},
        {"authorization_signed_response_alg": "s3cret"},
        {"contacts": ["s3cret\n"]},
        {"software_id": ["s3cret"]},
    ):
        assert "s3cret" not in refuse(**changed)


# What waits


def test_what_a_citizen_relies_on_waits() -> None:
    held = check()
    for changed in (
        {"redirect_uris": ["https://evil.example/"]},
        {"client_name": "Another"},
        {"logo_uri": "https://bieb.example/logo.png"},
        {"signals_endpoint": "https://evil.example/"},
        {"jwks": {"keys": [public(EC_OTHER)]}},
        {"jwks": None, "jwks_uri": "https://evil.example/jwks.json"},
        {"dpop_nonce_required": True},
    ):
        submitted = check(**changed)
        assert in_effect(held, submitted, is_proved=False) == held, changed
        assert changes(held, submitted) != [], changed


def test_new_keys_hold_at_once_only_when_a_present_one_proves_it() -> None:
    held, submitted = check(), check(jwks={"keys": [public(EC_OTHER)]}, client_name="Another")
    now = in_effect(held, submitted, is_proved=True)
    assert now == replace(held, jwks=submitted.jwks)
    assert changes(now, submitted) == ["client_name"]


def test_a_proof_does_not_move_keys_to_an_address_or_back() -> None:
    inline, elsewhere = check(), check(jwks=None, jwks_uri="https://bieb.example/jwks.json")
    assert in_effect(inline, elsewhere, is_proved=True) == inline
    assert in_effect(elsewhere, inline, is_proved=True) == elsewhere


def test_what_only_the_operator_reads_holds_at_once() -> None:
    submitted = check(contacts=["ict@bieb.example"], software_version="2")
    assert in_effect(check(), submitted, is_proved=False) == submitted
