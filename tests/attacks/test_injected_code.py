"""Attack: a code that was given in one browser is slipped into the session of another one, or to another client.

What it would win: the client fetches the victim's data for the attacker. What stops it: a code works only with the
verifier of the session that asked (RFC 7636), for the client that asked, at the address and with the key of its
request; and a wrong try does not take it away from whom it belongs to (RFC 9700 §4.5.3, RFC 9449 §10).
"""

from consent_sdk.keys import SigningKey, challenge_of

from .attacker import REQUIRED, Attacker, Citizen, code_of, must_refuse


def test_a_code_that_was_injected_with_another_verifier_is_refused_and_stays_good(attacker: Attacker) -> None:
    code = attacker.code()
    for verifier in ("w" * 43, "v" * 42, challenge_of("v" * 43), ""):
        must_refuse(attacker.exchange(code, verifier), 400, "invalid_grant")
    # Whoever guesses a verifier must not take the code away from whom it belongs to.
    assert attacker.exchange(code).status_code == 200


def test_a_code_without_a_verifier_is_refused(attacker: Attacker) -> None:
    fields = {"grant_type": "authorization_code", "code": attacker.code()}
    must_refuse(attacker.token(fields), 400, "invalid_grant")


def test_a_code_of_another_client_is_refused_and_stays_good(attacker: Attacker, other: Attacker) -> None:
    # Pushed without a proof, the code is bound to no key: only whose it is stands in the way.
    pushed = attacker.form("/oauth/par", attacker.pushed(), proof=None)
    with Citizen(attacker.stage) as citizen:
        page = citizen.page(f"/my/requests/{attacker.question(pushed.json()['request_uri'])}")
        code = code_of(citizen.yes(page, REQUIRED))
    refused = other.exchange(code)
    must_refuse(refused, 400, "invalid_grant")
    assert refused.json() == other.exchange("x" * 43).json(), "another's code looks like a guess"
    assert attacker.exchange(code).status_code == 200


def test_a_code_is_bound_to_the_key_that_pushed_the_request(attacker: Attacker) -> None:
    code = attacker.code()
    foreign = attacker.proof("POST", "/oauth/token", key=SigningKey.new())
    must_refuse(attacker.exchange(code, proof=foreign), 400, "invalid_grant")
    assert attacker.exchange(code).status_code == 200


def test_a_token_request_without_a_proof_is_refused_and_the_code_stays_good(attacker: Attacker) -> None:
    code = attacker.code()
    must_refuse(attacker.exchange(code, proof=None), 400, "invalid_request")
    assert attacker.exchange(code).status_code == 200


def test_a_code_leads_only_to_the_redirect_uri_of_its_request(attacker: Attacker) -> None:
    fields = {"grant_type": "authorization_code", "code": attacker.code(), "code_verifier": "v" * 43}
    answer = attacker.token(fields | {"redirect_uri": "https://attacker.example/callback"})
    must_refuse(answer, 400, "invalid_grant")
