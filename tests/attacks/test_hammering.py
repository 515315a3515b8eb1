"""Asking more often than anybody may: from one address, from invented ones, in another's name, all at once."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from consent_sdk.keys import SigningKey

from consent.demo import Stage
from tests.conftest import free_port

from .attacker import Attacker

ALLOWED = 6
HERS = "203.0.113.7"
_next = iter(range(1, 250))


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A service behind one proxy that allows little."""
    stage = Stage(tmp_path_factory.mktemp("narrow"), free_port())
    text = (
        f"trusted_proxies = 1\nlimit_client = {2 * ALLOWED}\nlimit_address = {ALLOWED}\n"
        f"limit_sign_in = {ALLOWED}\n"
    )
    stage.settings.write_text(text + stage.settings.read_text("utf-8"), "utf-8")
    stage.add_organisation()
    with stage.serving():
        yield stage


@pytest.fixture
def address() -> str:
    """An address that no test has used."""
    return f"198.51.100.{next(_next)}"


def guess(stage: Stage, forwarded: str, *, key: SigningKey | None = None) -> httpx.Response:
    """A token request with a key that is not the client's."""
    with closing(Attacker(stage, key=key or SigningKey.new())) as attacker:
        attacker.http.headers["x-forwarded-for"] = forwarded
        return attacker.token({"grant_type": "client_credentials"})


def statuses(answers: list[httpx.Response]) -> list[int]:
    return sorted(one.status_code for one in answers)


def test_after_the_allowance_the_answer_is_wait(narrow: Stage, address: str) -> None:
    answers = [guess(narrow, address) for _ in range(ALLOWED + 3)]
    assert [one.status_code for one in answers] == [401] * ALLOWED + [429] * 3
    last = answers[-1]
    assert last.json()["error"] == "temporarily_unavailable"
    assert 1 <= int(last.headers["retry-after"]) <= 60
    assert last.headers["cache-control"] == "no-store"
    # Also somebody with the right key waits there, and nobody elsewhere.
    assert guess(narrow, address, key=SigningKey.load(narrow.key_pem)).status_code == 429
    assert guess(narrow, "198.51.100.250").status_code == 401


def test_an_invented_address_in_front_gives_no_new_allowance(narrow: Stage, address: str) -> None:
    answers = [guess(narrow, f"10.9.8.{n}, {address}") for n in range(ALLOWED + 3)]
    assert statuses(answers) == [401] * ALLOWED + [429] * 3


def test_all_at_once_they_get_no_more_answers(narrow: Stage, address: str) -> None:
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: guess(narrow, address), range(3 * ALLOWED)))
    assert statuses(answers) == [401] * ALLOWED + [429] * 2 * ALLOWED


def test_nobody_uses_up_the_allowance_of_a_client_whose_name_he_uses(narrow: Stage) -> None:
    for n in range(2 * ALLOWED + 2):
        assert guess(narrow, f"192.0.2.{n}").status_code == 401
    assert guess(narrow, "192.0.2.99", key=SigningKey.load(narrow.key_pem)).status_code == 200


def test_a_client_with_many_addresses_is_one_client_and_its_mistakes_count(narrow: Stage) -> None:
    """Codes are guessed no quicker than they are asked for."""
    with closing(Attacker(narrow)) as attacker:
        answers = []
        for n in range(2 * ALLOWED + 2):
            attacker.http.headers["x-forwarded-for"] = f"192.0.2.{100 + n}"
            answers.append(
                attacker.exchange("A" * 43) if n % 2 else attacker.form("/oauth/introspect", {"token": "x"})
            )
    assert set(statuses(answers)) == {200, 400, 429}
    assert statuses(answers).count(429) >= 2


def test_signing_in_is_counted_and_says_so_in_plain_words(narrow: Stage, address: str) -> None:
    here = {"origin": narrow.issuer, "x-forwarded-for": address}
    with httpx.Client(base_url=narrow.issuer, headers=here) as browser:
        answers = [browser.post("/sign-in/persona", data={"persona": f"guess-{n}"}) for n in range(ALLOWED)]
        assert statuses(answers) == [404] * ALLOWED
        page = browser.post("/sign-in/persona", data={"persona": "sanne"})
        assert page.status_code == 429
        assert "Wacht een minuut" in page.text
        assert 1 <= int(page.headers["retry-after"]) <= 60
        assert "set-cookie" not in page.headers
        device = browser.post("/sign-in/passkey/options", json={})
        assert (device.status_code, device.json()) == (429, {"error": "too_many_requests"})
        answer = browser.post("/sign-in/passkey", json={"credential": {}})
        assert (answer.status_code, answer.json()) == (429, {"error": "too_many_requests"})


def test_registration_tokens_are_not_guessed_quicker_either(narrow: Stage, address: str) -> None:
    headers = {"authorization": "Bearer " + "x" * 43, "x-forwarded-for": address}
    with httpx.Client(base_url=narrow.issuer, headers=headers) as guesser:
        answers = [guesser.post("/oauth/register", json={}) for _ in range(ALLOWED + 2)]
    assert 429 not in statuses(answers[:ALLOWED])
    assert statuses(answers[ALLOWED:]) == [429, 429]


def test_no_address_is_in_database_or_log(narrow: Stage) -> None:
    guess(narrow, HERS)
    files = [*Path(narrow.service).glob("consent.sqlite3*"), narrow.folder / "service.log"]
    octets = b"".join(file.read_bytes() for file in files)
    with sqlite3.connect(narrow.service / "consent.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM allowances").fetchone()[0] > 0
    assert HERS.encode() not in octets


def test_guessing_an_auditors_token_is_counted_by_address(narrow: Stage, address: str) -> None:
    def knock(token: str, forwarded: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}", "x-forwarded-for": forwarded}
        return httpx.get(f"{narrow.issuer}/audit/openings", headers=headers, timeout=10)

    answers = [knock(f"{n:043d}", address) for n in range(ALLOWED + 3)]
    assert [one.status_code for one in answers] == [401] * ALLOWED + [429] * 3
    assert answers[-1].json()["code"] == "too_many_requests"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert knock("0" * 43, "198.51.100.251").status_code == 401
