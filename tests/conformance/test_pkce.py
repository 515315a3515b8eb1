"""Modules about PKCE (RFC 7636)."""

from tests.web.office import Office, fresh

from .flow import authorize, must_fail


def test_par_ensure_pkce_required(client: Office) -> None:
    fields = client.request_fields(fresh() * 3)
    del fields["code_challenge"], fields["code_challenge_method"]
    must_fail(client.post("/oauth/par", fields), "invalid_request")


def test_par_plain_pkce_rejected(client: Office) -> None:
    verifier = fresh() * 3
    fields = client.request_fields(verifier, code_challenge=verifier[:43], code_challenge_method="plain")
    must_fail(client.post("/oauth/par", fields), "invalid_request")
    # Without a method it would mean "plain" (§4.3).
    fields = client.request_fields(verifier, code_challenge=verifier[:43])
    del fields["code_challenge_method"]
    must_fail(client.post("/oauth/par", fields), "invalid_request")


def test_ensure_pkce_code_verifier_required(client: Office) -> None:
    code, _ = authorize(client)
    form = client.identified(grant_type="authorization_code", code=code)
    must_fail(client.post("/oauth/token", form), "invalid_grant")


def test_incorrect_pkce_code_verifier_rejected(client: Office) -> None:
    code, verifier = authorize(client)
    must_fail(client.exchange(code, verifier[::-1]), "invalid_grant")
