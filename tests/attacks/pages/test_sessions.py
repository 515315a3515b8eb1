"""Sessions: nobody chooses one for somebody else, none outlives its end, and no script or other site gets a cookie."""

import re
from typing import Any
from urllib.parse import quote

import pytest
from litestar import Response

from consent.web.guard import drop_cookie

from .conftest import Visit
from .visitor import STRANGER, VICTIM, Visitor


def test_nobody_chooses_a_session_for_somebody_else(visit: Visit) -> None:
    """Fixation: the attacker plants a cookie before she signs in, one of his own or one that he made up."""
    with_own = visit().sign_in(STRANGER)
    for planted in (with_own.session, "a" * 43):
        her = visit()
        her.plant(planted)
        her.sign_in(VICTIM)
        assert her.session != planted
        thief = visit()
        thief.plant(planted)
        assert thief.get("/").status_code == 303
    # The one that was his ended when she signed in over it.
    assert with_own.get("/").status_code == 303


def test_each_sign_in_has_a_new_session_and_ends_the_old_one(visit: Visit, victim: Visitor) -> None:
    before = victim.session
    victim.sign_in(VICTIM)
    assert victim.session != before
    old = visit()
    old.plant(before)
    assert old.get("/my/data").status_code == 303


def test_a_session_is_dead_after_signing_out(visit: Visit, victim: Visitor) -> None:
    kept, csrf = victim.session, victim.csrf()
    answer = victim.post("/sign-out", {"csrf": csrf})
    assert (answer.status_code, answer.headers["location"]) == (303, "/signed-out")
    assert "session" not in victim.http.cookies
    thief = visit()
    thief.plant(kept)
    for path in ("/", "/my/data", "/my/timeline"):
        answer = thief.get(path)
        assert (answer.status_code, answer.headers["location"]) == (
            303,
            f"/sign-in?next={quote(path)}&error=expired",
        )
    # Signing out twice is not an error.
    assert victim.post("/sign-out", {"csrf": csrf}).headers["location"] == "/signed-out"


@pytest.mark.parametrize(
    ("issuer", "name"), [("https://x.example", "__Host-session"), ("http://x", "session")]
)
def test_a_browser_forgets_a_cookie_only_as_it_took_it(issuer: str, name: str) -> None:
    """Without `Secure` it would pass over what begins with `__Host-`, and the cookie would stay."""

    class House:
        pass

    house: Any = House()
    house.issuer, response = issuer, Response("")
    drop_cookie(house, response, "session")
    said, *flags = re.split(r"; *", response.cookies[0].to_header(header=""))
    assert said == f'{name}=""'
    secure = {"Secure"} if name.startswith("__Host-") else set()
    assert set(flags) == {"HttpOnly", "Path=/", "SameSite=lax", "Max-Age=0"} | secure


def test_cookies_are_for_this_host_and_no_script(visit: Visit) -> None:
    visitor = visit()
    answer = visitor.post("/sign-in/persona", {"persona": VICTIM})
    (line,) = answer.headers.get_list("set-cookie")
    name, *flags = (part.strip().lower() for part in line.split(";"))
    assert name.startswith("session=")
    assert set(flags) == {"httponly", "path=/", "samesite=lax"}  # a session's cookie; no domain, no age
    line = visitor.get("/?lang=en").headers["set-cookie"]
    assert set(re.findall(r"; *([a-z]+)", line.lower())) == {"httponly", "path", "samesite", "max"}
    begun = visitor.http.post("/sign-in/passkey/options", json={}, headers={"origin": visitor.issuer})
    flags = {part.strip().lower() for part in begun.headers["set-cookie"].split(";")[1:]}
    assert flags == {"httponly", "path=/", "samesite=strict", "max-age=300"}
