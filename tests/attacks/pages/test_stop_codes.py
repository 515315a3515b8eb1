"""Stop codes in the wrong hands: what guessing shows, what the pages tell, what a foreign page can send."""

import re

import pytest

from consent.demo import Stage

from .conftest import Visit
from .visitor import Loot, Visitor, is_live

WRONG = "0000 0000 0000 0000 B"
SLIP = "0000 0000 0000 0000 C"


def code_of(victim: Visitor, loot: Loot) -> str:
    found = re.search(r"\b(?:[0-9]{4} ){4}[A-Z]\b", victim.get(f"/my/grants/{loot.grant}").text)
    assert found is not None
    return found[0]


def test_every_wrong_code_looks_the_same_wherever_it_is_typed(visit: Visit) -> None:
    nobody = visit()
    answers = [
        nobody.post(path, {"code": text})
        for path in ("/stop", "/stop/now")
        for text in (WRONG, SLIP, "", "<b>", "9" * 60)
    ]
    assert {one.status_code for one in answers} == {404}
    assert len({one.content for one in answers}) == 1


def test_a_code_names_neither_her_nor_the_organisation_and_signs_nobody_in(
    visit: Visit, victim: Visitor, loot: Loot
) -> None:
    code, nobody = code_of(victim, loot), visit()
    sure = nobody.post("/stop", {"code": code})
    assert sure.status_code == 200
    for word in ("Voorbeeldstad", "Sanne", loot.grant, "energie"):
        assert word not in sure.text.replace("Stadsbalie Voorbeeldstad", "")
    assert "session" not in nobody.http.cookies
    assert code not in str(sure.url)
    assert nobody.get(f"/my/grants/{loot.grant}").status_code == 303
    assert is_live(victim, loot)  # looking stops nothing


@pytest.mark.parametrize("origin", ["", "null", "https://evil.example"])
def test_a_foreign_page_hands_in_no_code(origin: str, victim: Visitor, visit: Visit, loot: Loot) -> None:
    assert visit().post("/stop/now", {"code": code_of(victim, loot)}, origin=origin).status_code == 403
    assert is_live(victim, loot)


def test_the_code_is_nowhere_in_the_services_own_words(
    served: Stage, victim: Visitor, visit: Visit, loot: Loot
) -> None:
    code = code_of(victim, loot)
    visit().post("/stop", {"code": code})
    said = (served.folder / "service.log").read_text()
    for form in (code, code.replace(" ", ""), code.replace(" ", "+"), code[:-2]):
        assert form not in said


def test_it_stops_once_and_she_hears_of_it(
    victim: Visitor, stranger: Visitor, visit: Visit, loot: Loot
) -> None:
    code, nobody = code_of(victim, loot), visit()
    assert nobody.post("/stop/now", {"code": code}).headers["location"] == "/stop/done"
    assert not is_live(victim, loot)
    seen = f"/my/grants/{loot.grant}/code-seen"
    assert seen in victim.get("/").text
    assert stranger.post(seen, {"csrf": stranger.csrf()}).status_code == 404
    assert victim.post(seen, {}).status_code == 403
    assert seen in victim.get("/").text
    assert victim.post(seen, {"csrf": victim.csrf()}).status_code == 303
    assert seen not in victim.get("/").text
    # Once more it changes nothing, and it still tells nothing.
    again = nobody.post("/stop", {"code": code})
    assert again.status_code == 200
    assert 'id="stop-now"' not in again.text
    assert nobody.post("/stop/now", {"code": code}).status_code == 303
    assert victim.get("/my/timeline").text.count("stopcode van uw bewijs") == 1
