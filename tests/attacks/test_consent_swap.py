"""Attack: making a citizen agree to something else than she saw, or answering in her place.

What it would win: a grant that nobody gave. What stops it: her form is sealed over what its page showed, is bound to
her session and to one request, and comes from our own page (RFC 9700 §4.7, §4.16).
"""

import re

import msgspec
import pytest

from consent.demo import PURPOSE

from .attacker import REQUIRED, Attacker, Citizen, code_of, must_refuse


@pytest.fixture
def question(attacker: Attacker) -> str:
    return f"/my/requests/{attacker.question(attacker.ask())}"


def test_attributes_that_were_not_asked_cannot_be_slipped_in(attacker: Attacker, question: str) -> None:
    with Citizen(attacker.stage) as citizen:
        page = citizen.page(question)
        for extra in ("number_of_children", "bsn", "made_up", ""):
            again = citizen.yes(page, [*REQUIRED, extra])
            assert not isinstance(again, str), extra
            assert again.status == 422
        assert code_of(citizen.yes(citizen.page(question), REQUIRED))


def test_her_answer_counts_only_for_the_request_that_she_saw(attacker: Attacker, question: str) -> None:
    """The hidden fields of one page, sent to the address of another request."""
    second = f"/my/requests/{attacker.question(attacker.ask())}"
    with Citizen(attacker.stage) as citizen:
        page, target = citizen.page(question), citizen.page(second)
        page.forms["decide"].action = target.forms["decide"].action
        page.url = target.url
        swapped = citizen.yes(page, REQUIRED)
        assert not isinstance(swapped, str)
        assert swapped.status == 422


def test_nobody_else_sees_or_answers_what_she_looked_at_first(attacker: Attacker, question: str) -> None:
    with Citizen(attacker.stage) as sanne, Citizen(attacker.stage, "riet") as riet:
        page = sanne.page(question)
        stranger = riet.page(question)
        unknown = riet.page("/my/requests/" + "0" * 32)
        assert stranger.status == unknown.status == 404
        assert stranger.words == unknown.words
        assert code_of(sanne.yes(page, REQUIRED))


def test_a_yes_of_one_persons_page_does_not_work_in_anothers_browser(
    attacker: Attacker, question: str
) -> None:
    with Citizen(attacker.stage) as sanne, Citizen(attacker.stage, "riet") as riet:
        page = sanne.page(question)
        answer = riet.yes(page, REQUIRED)
        assert not isinstance(answer, str)
        assert answer.status == 403  # the form carries a key of her session


def test_a_page_that_changed_in_another_tab_is_shown_again_and_nothing_is_shared(
    attacker: Attacker, question: str
) -> None:
    with Citizen(attacker.stage) as citizen:
        stale = citizen.page(question)
        edit = citizen.page("/my/data/household_size")
        form = edit.forms["edit"]
        form.fields = [*[pair for pair in form.fields if pair[0] != "value"], ("value", "5")]
        citizen.browser.submit(edit, "edit")
        again = citizen.yes(stale, REQUIRED)
        assert not isinstance(again, str)
        assert again.status == 422
        assert code_of(citizen.yes(again, REQUIRED))


def test_after_a_suspension_there_is_no_yes_but_still_a_no(attacker: Attacker, other: Attacker) -> None:
    details = [
        {
            "type": f"{other.issuer}/types/attributes/v1", "purpose": "buren", "purpose_version": 1,
            "attributes": ["energy_contract_number"], "duration_days": 30,
        }
    ]  # fmt: skip
    uri = other.ask(authorization_details=msgspec.json.encode(details).decode())
    address = f"/my/requests/{other.question(uri)}"
    with Citizen(other.stage) as citizen:
        page = citizen.page(address)
        other.stage.run("organisation", "suspend", "buurman")
        try:
            refused = citizen.yes(page, ["energy_contract_number"])
            assert not isinstance(refused, str)
            assert refused.status == 422
            must_refuse(other.token({"grant_type": "client_credentials"}), 400, "unauthorized_client")
            no = citizen.browser.answer(citizen.page(address), ("decision", "no"))
            assert isinstance(no, str)
            assert "error=access_denied" in no
        finally:
            other.stage.run("organisation", "restore", "buurman")


def test_a_form_from_another_site_decides_and_stops_nothing(attacker: Attacker, question: str) -> None:
    with Citizen(attacker.stage) as citizen:
        page = citizen.page(question)
        fields = dict(page.forms["decide"].fields) | {"decision": "yes"}
        http = citizen.browser._http
        for headers in (
            {"origin": "https://attacker.example"},
            {"origin": "null"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "cross-site", "origin": attacker.issuer},
            {},
        ):
            answer = http.post(question, data=fields, headers=headers)
            assert answer.status_code == 403, headers
        right = {"origin": attacker.issuer}
        assert http.post(question, data=fields | {"csrf": "0" * 64}, headers=right).status_code == 403
        assert not re.search("code=", answer.text)
        assert code_of(citizen.yes(citizen.page(question), REQUIRED))


def test_what_she_ticked_is_all_that_ever_leaves(attacker: Attacker) -> None:
    tokens = attacker.tokens(ticks=REQUIRED)
    assert tokens["authorization_details"][0]["attributes"] == sorted(REQUIRED)
    assert tokens["authorization_details"][0]["purpose"] == PURPOSE
    must_refuse(attacker.disclose(tokens["access_token"], ["energy_supplier"]), 403, "beyond_grant")
    must_refuse(attacker.disclose(tokens["access_token"], [*REQUIRED, "bsn"]), 403, "beyond_grant")
    given = attacker.disclose(tokens["access_token"]).json()["attributes"]
    assert sorted(given) == sorted(REQUIRED)
