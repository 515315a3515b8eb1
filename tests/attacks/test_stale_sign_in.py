"""Attack: getting what is delicate with a sign-in that is old, weak or that nobody knows (RFC 9470).

What it would win: whoever finds a citizen's browser open says yes in her name, or an organisation fetches under a
permission of which nobody knows who gave it. What stops it: special attributes take a fresh sign-in at the yes and a
known one at the door, whatever the organisation asked for.
"""

import contextlib
import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

from consent.demo import Stage
from consent.demo_browser import Page
from consent.opening import DATABASE
from consent.words.instants import MINUTE

from .attacker import Attacker, Citizen, code_of, must_refuse

PLAIN, SPECIAL = "preferred_language", "residence_permit"
TICKS = [PLAIN, SPECIAL]
SIX_MINUTES = 6 * MINUTE


@pytest.fixture
def amal(served: Stage) -> Iterator[Citizen]:
    """She has a residence permit, and is signed in just now."""
    with Citizen(served, "amal") as citizen:
        yield citizen


def ask(attacker: Attacker, *names: str, **fields: str) -> str:
    """The address of a question for attributes of which one is special."""
    details = [
        {
            "type": f"{attacker.issuer}/types/attributes/v1", "purpose": "hulp-nieuw-in-nederland",
            "purpose_version": 1, "attributes": list(names or TICKS), "duration_days": 30,
        }
    ]  # fmt: skip
    pushed = attacker.ask(authorization_details=json.dumps(details), **fields)
    return f"/my/requests/{attacker.question(pushed)}"


def write(stage: Stage, sql: str, *values: Any) -> None:
    with contextlib.closing(sqlite3.connect(stage.service / DATABASE, timeout=10)) as database, database:
        assert database.execute(sql, values).rowcount == 1


def grow_old(citizen: Citizen, stage: Stage, by: int = SIX_MINUTES) -> None:
    """Let this browser's sign-in be longer ago, by microseconds."""
    cookie = citizen.browser._http.cookies["session"]
    session = hashlib.sha256(cookie.encode()).digest()
    write(stage, "UPDATE sessions SET created_at = created_at - ? WHERE hash = ?", by, session)


def sign_in_again(citizen: Citizen, question: str) -> Page:
    """Go the way that the page offers, and come back to the question."""
    entrance = citizen.page(f"/sign-in?again=1&next={question}")
    assert "Log nog een keer in" in entrance.words
    back = citizen.browser.submit(entrance, "sign-in-persona-amal", ("persona", "amal"))
    assert isinstance(back, Page)
    assert back.url.endswith(question)
    return back


def tokens(attacker: Attacker, back: Page | str) -> dict[str, Any]:
    given = attacker.exchange(code_of(back))
    assert given.status_code == 200, given.text
    found: dict[str, Any] = given.json()
    return found


def asked_again(page: Page | str) -> Page:
    """Her yes was not taken: she shall sign in again first."""
    assert isinstance(page, Page)
    assert page.status == 422
    assert "Log eerst opnieuw in. Er is nog niets gedeeld." in page.words
    return page


def test_what_is_special_is_not_shared_under_a_stale_sign_in(
    attacker: Attacker, amal: Citizen, served: Stage
) -> None:
    question = ask(attacker)
    grow_old(amal, served)
    page = amal.page(question)
    assert "Een deel hiervan is gevoelig." in page.words
    asked_again(amal.yes(page, TICKS))
    # With a yes that was kept from when she was fresh, it is the same: what counts is the sign-in now.
    fresh = sign_in_again(amal, question)
    grow_old(amal, served)
    asked_again(amal.yes(fresh, TICKS))
    found = tokens(attacker, amal.yes(sign_in_again(amal, question), TICKS))
    assert attacker.disclose(found["access_token"], [SPECIAL]).status_code == 200


def ticked(citizen: Citizen, address: str, offered: int = len(TICKS)) -> list[str]:
    """What the page at *address* has ticked, of as many boxes as are *offered*."""
    boxes = re.findall(r"<input[^>]*checkbox[^>]*>", citizen.browser._http.get(address).text)
    assert len(boxes) == offered
    return sorted(re.findall(r'value="([a-z_]+)"', "".join(box for box in boxes if " checked" in box)))


def test_what_she_ticked_is_there_after_signing_in_again_and_a_made_up_link_ticks_nothing(
    attacker: Attacker, amal: Citizen, served: Stage
) -> None:
    question = ask(attacker)
    other = ask(attacker)
    grow_old(amal, served)
    assert ticked(amal, question, offered=1) == []  # what is special has no box before the sign-in
    one = ("attribute", TICKS[0])
    both = [one, ("attribute", SPECIAL)]  # a box that somebody painted in does not come back ticked
    entrance = amal.browser.answer(amal.page(question), *both, ("decision", "sign_in"))
    assert isinstance(entrance, Page)
    back = parse_qs(urlsplit(entrance.url).query)["next"][0]
    again = amal.browser.submit(entrance, "sign-in-persona-amal", ("persona", "amal"))
    assert isinstance(again, Page)
    assert again.url.endswith(back)
    assert ticked(amal, back) == [TICKS[0]]
    kept = back.partition("?ticked=")[2]
    bits, _, mac = kept.partition(".")
    forged = [f"{int(bits, 16) ^ 3:x}.{mac}", bits, "", "x", f"{'f' * 70}.{mac}", "é", f"{kept}0"]
    for link in forged:
        assert ticked(amal, f"{question}?ticked={quote(link)}") == []
    assert ticked(amal, f"{other}?ticked={kept}") == []  # of another question: another page
    # A seal that is not of this page keeps nothing, and nobody's page is opened by it.
    page = amal.page(question)
    page.forms["decide"].fields = [
        (name, "0" * 64 if name == "shown" else value) for name, value in page.forms["decide"].fields
    ]
    entrance = amal.browser.answer(page, one, ("decision", "sign_in"))
    assert isinstance(entrance, Page)
    assert parse_qs(urlsplit(entrance.url).query)["next"] == [question]


def test_a_no_takes_no_fresh_sign_in(attacker: Attacker, amal: Citizen, served: Stage) -> None:
    question = ask(attacker, max_age="0")
    grow_old(amal, served)
    back = amal.browser.answer(amal.page(question), ("decision", "no"))
    assert isinstance(back, str)
    assert "error=access_denied" in back


def test_max_age_0_takes_a_sign_in_for_this_very_question(attacker: Attacker, amal: Citizen) -> None:
    question = ask(attacker, max_age="0")
    page = amal.page(question)  # signed in a moment ago, but before she was asked
    assert "wil zeker weten dat u het bent" in page.words
    asked_again(amal.yes(page, TICKS))
    found = tokens(attacker, amal.yes(sign_in_again(amal, question), TICKS))
    assert (found["acr"], type(found["auth_time"])) == ("0", int)


def test_an_invented_person_is_never_taken_for_one_with_a_device(attacker: Attacker, amal: Citizen) -> None:
    question = ask(attacker, acr_values="phr")
    asked_again(amal.yes(amal.page(question), TICKS))
    asked_again(amal.yes(sign_in_again(amal, question), TICKS))


def test_another_sign_in_does_not_take_over_her_question(
    attacker: Attacker, amal: Citizen, served: Stage
) -> None:
    question = ask(attacker, max_age="0")
    amal.page(question)
    entrance = amal.page(f"/sign-in?again=1&next={question}")
    as_daan = amal.browser.submit(entrance, "sign-in-persona-daan", ("persona", "daan"))
    assert isinstance(as_daan, Page)
    assert as_daan.status == 404


@pytest.mark.parametrize(
    "wrong", [{"max_age": "-1"}, {"max_age": "soon"}, {"max_age": "1e3"}], ids=lambda wrong: wrong["max_age"]
)
def test_a_max_age_that_is_no_number_is_refused(attacker: Attacker, wrong: dict[str, str]) -> None:
    must_refuse(attacker.form("/oauth/par", attacker.pushed(**wrong)), 400, "invalid_request")


def test_a_way_to_sign_in_that_is_not_here_is_refused(attacker: Attacker) -> None:
    answer = attacker.form("/oauth/par", attacker.pushed(acr_values="urn:example:gold"))
    must_refuse(answer, 400, "unmet_authentication_requirements")


def challenge(answer: httpx.Response) -> str:
    must_refuse(answer, 401, "insufficient_user_authentication")
    found = answer.headers["www-authenticate"]
    assert found.startswith('DPoP error="insufficient_user_authentication"')
    assert 'acr_values="0"' in found
    return found


def test_under_a_grant_of_an_unknown_sign_in_nothing_special_leaves(
    attacker: Attacker, amal: Citizen, served: Stage
) -> None:
    """And what the challenge says leads to success (RFC 9470 §3 and §4)."""
    found = tokens(attacker, amal.yes(amal.page(ask(attacker)), TICKS))
    write(served, "UPDATE grants SET acr = NULL, signed_in_at = NULL WHERE id = ?", found["grant_id"])
    challenge(attacker.disclose(found["access_token"], TICKS))
    assert attacker.disclose(found["access_token"], [PLAIN]).status_code == 200
    # A retry of what left before is no way around it.
    new = tokens(attacker, amal.yes(amal.page(ask(attacker, acr_values="0")), TICKS))
    assert attacker.disclose(new["access_token"], TICKS, key="of an unknown sign-in").status_code == 200
    write(served, "UPDATE grants SET acr = NULL WHERE id = ?", new["grant_id"])
    challenge(attacker.disclose(new["access_token"], TICKS, key="of an unknown sign-in"))


def test_what_a_token_says_of_the_sign_in_is_what_introspection_says(
    attacker: Attacker, amal: Citizen, served: Stage
) -> None:
    """RFC 9470 §6."""
    found = tokens(attacker, amal.yes(amal.page(ask(attacker)), TICKS))
    asked = attacker.form("/oauth/introspect", {"token": found["access_token"]}, proof=None).json()
    assert (asked["acr"], asked["auth_time"]) == (found["acr"], found["auth_time"])
    own = attacker.token({"grant_type": "client_credentials"}).json()
    assert "acr" not in own
