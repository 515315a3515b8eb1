"""Forged forms: with her cookie, from elsewhere or without this session's token, nothing changes."""

import httpx
import pytest

from .visitor import FORM, STRANGER, Loot, Visitor, is_live

FORGED = {
    "no sign of where it comes from": {"origin": ""},
    "another site": {"origin": "https://evil.example"},
    "another port": {"origin": "http://localhost:1"},
    "another scheme": {"origin": "https://localhost"},
    "the number instead of the name": {"origin": "http://127.0.0.1"},
    "a hidden origin": {"origin": "null"},
    "a hidden origin of another site": {"origin": "null", "sec_fetch_site": "cross-site"},
    "a neighbour": {"origin": "", "sec_fetch_site": "same-site"},
    "a browser that says cross-site": {"sec_fetch_site": "cross-site"},
}


@pytest.mark.parametrize("how", FORGED)
def test_a_form_from_elsewhere_changes_nothing(how: str, victim: Visitor, loot: Loot) -> None:
    """Her cookie and even the right token are with it: only the browser's own words give it away."""
    csrf = victim.csrf()
    for path, fields in (
        (f"/my/grants/{loot.grant}/stop", {"csrf": csrf}),
        ("/my/data/city", {"csrf": csrf, "value": "Elders"}),
        (loot.question, {"csrf": csrf, "decision": "no"}),
        ("/sign-out", {"csrf": csrf}),
        ("/sign-in/persona", {"persona": STRANGER}),
    ):
        answer = victim.post(path, fields, **FORGED[how])
        assert answer.status_code == 403, path
        assert "set-cookie" not in answer.headers
    assert is_live(victim, loot)
    assert victim.get(loot.question).status_code == 200
    assert "Elders" not in victim.get("/my/data").text


@pytest.mark.parametrize("token", ["none", "empty", "guessed", "of another session", "twice"])
def test_a_form_without_this_sessions_token_changes_nothing(
    token: str, victim: Visitor, stranger: Visitor, loot: Loot
) -> None:
    fields = {
        "none": {},
        "empty": {"csrf": ""},
        "guessed": {"csrf": "0" * 64},
        "of another session": {"csrf": stranger.csrf()},
        "twice": {"csrf": victim.csrf()},
    }[token]
    for path, more in (
        (f"/my/grants/{loot.grant}/stop", {}),
        ("/my/data/city", {"value": "Elders"}),
        ("/my/data/household_size/remove", {}),
        (loot.question, {"decision": "no"}),
        ("/sign-out", {}),
    ):
        content = str(httpx.QueryParams(fields | more)) + (f"&csrf={'0' * 64}" if token == "twice" else "")
        answer = victim.http.post(
            path, content=content, headers={"origin": victim.issuer, "content-type": FORM}
        )
        assert answer.status_code == 403, path
    assert is_live(victim, loot)
    assert victim.get(loot.question).status_code == 200
    assert 'id="item-household_size"' in victim.get("/my/data").text


def test_another_content_type_cannot_carry_a_form(victim: Visitor, loot: Loot) -> None:
    """These three are what a foreign page can send without asking first."""
    for media in ("text/plain", "multipart/form-data; boundary=x", ""):
        answer = victim.post(f"/my/grants/{loot.grant}/stop", {"csrf": victim.csrf()}, content_type=media)
        assert answer.status_code == 400
    assert is_live(victim, loot)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
def test_only_a_post_stops(method: str, victim: Visitor, loot: Loot) -> None:
    answer = victim.http.request(method, f"/my/grants/{loot.grant}/stop", headers={"origin": victim.issuer})
    assert answer.status_code == 405
    assert is_live(victim, loot)


@pytest.mark.parametrize("code", ["\x00", "a\x00b"])
def test_a_nul_in_a_form_reaches_no_database(code: str, victim: Visitor) -> None:
    """One engine stores it, another falls over it."""
    csrf = victim.csrf()
    for path in ("/stop", "/my/helping/code", "/sign-in/words"):  # a wrong code has another answer at each
        assert victim.post(path, {"csrf": csrf, "code": code}).status_code == 400, path
