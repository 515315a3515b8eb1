"""The operator's pages in other hands: nothing is there for them, and nothing happens."""

from urllib.parse import quote

import pytest

from consent.demo import CLIENT, ORGANISATION, Stage

from .conftest import Visit
from .visitor import STRANGER, VICTIM, Visitor

HERE = "/operator/pages"
PAGES = (
    "/operator",
    f"{HERE}/organisations",
    f"{HERE}/purposes",
    f"{HERE}/purposes/energietoeslag@1",
    f"{HERE}/clients/{CLIENT}",
    f"{HERE}/journal",
    f"{HERE}/health",
)
STOP = f"{HERE}/organisations/{ORGANISATION}/suspend"


def stands(operator: Visitor) -> bool:
    return 'id="suspend"' in operator.get(f"{HERE}/organisations/{ORGANISATION}").text


@pytest.mark.parametrize("persona", [VICTIM, STRANGER, "fenna", "joris"])
def test_for_everybody_else_there_is_nothing(persona: str, visit: Visit) -> None:
    """A citizen, an owner and a clerk of an organisation: the same as for an address that does not exist."""
    visitor = visit().sign_in(persona)
    for path in PAGES[2:]:  # addresses as deep as one that is none
        answer = visitor.get(path)
        nothing = visitor.get(f"{HERE}/nothing")
        assert answer.status_code == nothing.status_code == 404
        assert answer.text.replace(path, "") == nothing.text.replace(f"{HERE}/nothing", "")
    answer = visitor.post(STOP, {"csrf": visitor.csrf(), "note": "x"})
    assert answer.status_code == 404
    assert stands(visit().sign_in("wil"))


def test_nobody_comes_in_without_signing_in(visit: Visit) -> None:
    for path in PAGES:
        assert visit().get(path).headers["location"] == f"/sign-in?next={quote(path)}"


def test_the_operator_finds_all_of_them(visit: Visit) -> None:
    operator = visit().sign_in("wil")
    for path in PAGES:
        assert operator.get(path).status_code == 200, path
    assert operator.get("/work").text.count('href="/operator"') == 1


def test_a_forged_form_decides_nothing(visit: Visit) -> None:
    operator = visit().sign_in("wil")
    csrf = operator.csrf()
    for fields, headers in (
        ({}, {}),
        ({"csrf": "0" * 64}, {}),
        ({"csrf": visit().sign_in(VICTIM).csrf()}, {}),
        ({"csrf": csrf}, {"origin": "https://evil.example"}),
        ({"csrf": csrf}, {"origin": "", "sec_fetch_site": "cross-site"}),
    ):
        assert operator.post(STOP, fields, **headers).status_code == 403
    assert operator.get(STOP).status_code == 405
    assert stands(operator)


def test_a_decision_is_one_that_a_page_has(visit: Visit, served: Stage) -> None:
    operator = visit().sign_in("wil")
    csrf = operator.csrf()
    for path in (
        f"{HERE}/organisations/{ORGANISATION}/erase",
        f"{HERE}/organisations/{ORGANISATION}/approve",
        f"{HERE}/purposes/energietoeslag/suspend",
        f"{HERE}/purposes/energietoeslag@9/approve",
        f"{HERE}/people/{VICTIM}/suspend",
    ):
        assert operator.post(path, {"csrf": csrf, "note": "x"}).status_code == 404, path
    late = operator.post(f"{HERE}/organisations/{ORGANISATION}/restore", {"csrf": csrf})
    assert late.status_code == 409
    assert stands(operator)
    assert "restored" not in served.run("operator", "journal")


def test_a_note_is_text_and_never_page(visit: Visit) -> None:
    operator = visit().sign_in("wil")
    purpose = f"{HERE}/purposes/hulp-nieuw-in-nederland@1"
    note = "<script>alert(1)</script>"
    for word in ("suspend", "restore"):
        answer = operator.post(f"{purpose}/{word}", {"csrf": operator.csrf(), "note": note})
        assert (answer.status_code, answer.headers["location"]) == (303, purpose)
    shown = operator.get(f"{HERE}/journal").text
    assert "&lt;script&gt;" in shown
    assert note not in shown
