"""The way off these pages is no way for others to sign her out, and never an error."""

import pytest

from consent.demo import Stage

from .conftest import Visit
from .visitor import Visitor


@pytest.mark.parametrize("origin", ["", "null", "https://evil.example"])
def test_a_foreign_page_does_not_sign_her_out(origin: str, victim: Visitor) -> None:
    answer = victim.post("/away", {}, origin=origin)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert victim.get("/").status_code == 200


def test_whoever_presses_it_gets_away_whatever_is_wrong(victim: Visitor, visit: Visit) -> None:
    session = victim.session
    for one in (victim, victim, visit()):  # signed in, signed out, never signed in
        answer = one.post("/away", {})
        assert answer.status_code == 200
        assert answer.headers["refresh"] == "0; url=https://www.knmi.nl/"
        assert "knmi" in answer.text
        assert "consent" not in answer.text
        assert "eigen hand" not in answer.text
    victim.plant(session)  # whoever kept the cookie has nothing
    assert victim.get("/").status_code == 303


def test_the_pages_still_let_no_form_lead_elsewhere(victim: Visitor, served: Stage) -> None:
    for answer in (victim.get("/"), victim.get("/my/quiet"), victim.post("/away", {})):
        assert "form-action 'self';" in answer.headers["content-security-policy"]


def test_her_choice_is_hers_and_goes_with_her(victim: Visitor, stranger: Visitor) -> None:
    assert victim.post("/my/quiet", {"private": "on"}).status_code == 403  # without the page's own token
    assert victim.post("/my/quiet", {"private": "on", "csrf": victim.csrf()}).status_code == 303
    assert victim.get("/my/export.json").json()["private"] is True
    assert stranger.get("/my/export.json").json()["private"] is False
    assert "<title>Pagina</title>" in victim.get("/my/data").text
    assert "<title>Pagina</title>" not in stranger.get("/my/data").text
    assert victim.post("/my/quiet", {"private": "off", "csrf": victim.csrf()}).status_code == 303
