"""Attack: stolen, injected and replayed codes (RFC 9700 §4.5, RFC 6749 §4.1.2, RFC 7636, RFC 9449 §10)."""

from concurrent.futures import ThreadPoolExecutor

from consent_sdk.keys import SigningKey, challenge_of

from .attacker import Attacker, must_refuse


def test_a_second_try_with_a_code_gets_nothing_and_kills_what_the_first_got(attacker: Attacker) -> None:
    code = attacker.code()
    first = attacker.exchange(code).json()
    assert attacker.disclose(first["access_token"]).status_code == 200
    renewed = attacker.token({"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}).json()
    must_refuse(attacker.exchange(code), 400, "invalid_grant")
    for dead in (first["access_token"], renewed["access_token"]):
        must_refuse(attacker.disclose(dead), 401, "invalid_token")
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    must_refuse(attacker.token(refresh), 400, "invalid_grant")


def test_two_exchanges_of_one_code_at_once_give_at_most_one_token_and_it_is_dead(attacker: Attacker) -> None:
    code = attacker.code()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(attacker.exchange, [code] * 4))
    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    must_refuse(attacker.disclose(won[0].json()["access_token"]), 401, "invalid_token")


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
    code = attacker.code()
    must_refuse(other.exchange(code), 400, "invalid_grant")
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


def test_pkce_may_not_be_left_out_or_plain(attacker: Attacker) -> None:
    for wrong in (
        {"code_challenge_method": "plain", "code_challenge": "v" * 43},
        {"code_challenge_method": ""},
        {"code_challenge": ""},
        {"code_challenge": "short"},
    ):
        must_refuse(attacker.form("/oauth/par", attacker.pushed(**wrong)), 400, "invalid_request")
