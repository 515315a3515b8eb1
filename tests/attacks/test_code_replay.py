"""Attack: a code that was used already is tried once more, by who saw it in a log, a referrer or a history.

What it would win: tokens of its own, beside those of the client. What stops it: a code works once, and a second try
ends every token that the first one led to, refreshed ones too: one of the two is a thief, and nobody knows which
(RFC 6749 §4.1.2, RFC 9700 §4.5).
"""

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


def test_another_clients_try_with_a_used_code_kills_nothing(attacker: Attacker, other: Attacker) -> None:
    """Else whoever saw a code, and has nothing else, could end what is not its own."""
    code = attacker.code()
    token = attacker.exchange(code).json()["access_token"]
    must_refuse(other.exchange(code), 400, "invalid_grant")
    assert attacker.disclose(token).status_code == 200
