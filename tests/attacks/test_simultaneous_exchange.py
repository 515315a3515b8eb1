"""Attack: a stolen code is exchanged in the very moment in which the client exchanges it.

What it would win: two sets of tokens, when both are looked up before either is marked as used. What stops it: looking
up and using up are one step in one transaction; and whoever comes second ends what the first got (RFC 6749 §4.1.2,
RFC 9700 §4.5).
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx

from .attacker import Attacker, must_refuse


def test_two_exchanges_of_one_code_at_once_give_at_most_one_token_and_it_is_dead(attacker: Attacker) -> None:
    code = attacker.code()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(attacker.exchange, [code] * 4))
    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    must_refuse(attacker.disclose(won[0].json()["access_token"]), 401, "invalid_token")


def test_a_race_on_connections_that_are_open_already_has_one_winner(attacker: Attacker) -> None:
    """All requests are made before; only the sending is left when the line is drawn."""
    for _ in range(3):
        code, start = attacker.code(), Barrier(6)
        racers = [Attacker(attacker.stage) for _ in range(6)]

        def race(one: Attacker, code: str = code, start: Barrier = start) -> httpx.Response:
            one.http.get("/log")
            assertion, proof = one.assertion(), one.proof("POST", "/oauth/token")
            start.wait(10)
            return one.exchange(code, assertion=assertion, proof=proof)

        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(race, racers))
        assert sorted(answer.status_code for answer in answers) == [200] + [400] * 5
        (won,) = [answer.json() for answer in answers if answer.status_code == 200]
        must_refuse(attacker.disclose(won["access_token"]), 401, "invalid_token")
        for one in racers:
            one.close()
