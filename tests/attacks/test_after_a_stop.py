"""Attack: going on after the citizen said stop: a retry of an old request, old and new tokens, many requests under way.

What it would win: values that she no longer shares. What stops it: the stop is one entry in the log, and every
disclosure, retry and use is decided on its own side of it, in the same transaction that writes its entry
(RFC 9700 §4.14, RFC 7009 §2.1).
"""

from concurrent.futures import ThreadPoolExecutor

from .attacker import Attacker, Citizen, must_refuse


def stop(attacker: Attacker, grant: str) -> None:
    with Citizen(attacker.stage) as citizen:
        done = citizen.browser.submit(citizen.page("/"), f"stop-{grant}")
        assert not isinstance(done, str)
        assert done.url.endswith("/stopped")


def test_no_way_back_in_after_a_stop(attacker: Attacker) -> None:
    tokens = attacker.tokens()
    token, grant = tokens["access_token"], tokens["grant_id"]
    first = attacker.disclose(token, key="one")
    assert first.status_code == 200
    stop(attacker, grant)
    must_refuse(attacker.disclose(token), 401, "grant_not_active")
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    must_refuse(attacker.token(refresh), 400, "invalid_grant")
    asked = attacker.form("/oauth/introspect", {"token": token}).json()
    assert asked == {"active": False}
    retry = attacker.disclose(token, key="one")
    assert retry.status_code == 401
    said = retry.json()
    assert said["code"] == "grant_not_active"
    assert said["entry"]["leaf"] == first.json()["entry"]["leaf"]
    assert set(said["entry"]["opening"]) < set(first.json()["entry"]["opening"])
    for held in first.json()["attributes"].values():
        assert held["salt"] not in retry.text
    own = attacker.token({"grant_type": "client_credentials"}).json()["access_token"]
    headers = {"authorization": f"DPoP {own}", "dpop": attacker.proof("POST", "/uses", own)}
    body = {"disclosures": [first.json()["disclosure_id"]], "template": "letter"}
    must_refuse(attacker.http.post("/uses", json=body, headers=headers), 401, "grant_not_active")


def test_a_stop_among_fetches_under_way_is_a_line_that_none_crosses(attacker: Attacker) -> None:
    """Whatever was answered with values has an entry before the stop's own entry."""
    for _ in range(2):
        tokens = attacker.tokens()
        token, grant = tokens["access_token"], tokens["grant_id"]
        with Citizen(attacker.stage) as citizen, ThreadPoolExecutor(6) as pool:
            home = citizen.page("/")
            fetches = [pool.submit(attacker.disclose, token) for _ in range(3)]
            stopping = pool.submit(citizen.browser.submit, home, f"stop-{grant}")
            fetches += [pool.submit(attacker.disclose, token) for _ in range(3)]
            answers = [fetch.result() for fetch in fetches]
            stopped = stopping.result()
            assert not isinstance(stopped, str)
            kept = citizen.browser._http.get(f"/my/grants/{grant}/receipt.json").json()
        last = kept["log"]["last"]
        for answer in answers:
            if answer.status_code == 200:
                assert answer.json()["entry"]["opening"]["i"] < last
            else:
                assert answer.json()["code"] in ("grant_not_active", "too_often")
        must_refuse(attacker.disclose(token), 401, "grant_not_active")
