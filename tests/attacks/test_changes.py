"""Changing what is somebody else's, into something else, or after the end: over HTTP, with a client gone bad."""

from typing import Any

import msgspec
import pytest

from tests.attacks.attacker import REQUIRED, Attacker, Citizen, code_of, must_refuse

MORE = "energy_supplier"


def detail(attacker: Attacker, *attributes: str, purpose: str = "energietoeslag", days: int = 30) -> str:
    return msgspec.json.encode(
        [
            {
                "type": f"{attacker.issuer}/types/attributes/v1", "purpose": purpose, "purpose_version": 1,
                "attributes": list(attributes), "duration_days": days,
            }
        ]
    ).decode()  # fmt: skip


def change(attacker: Attacker, grant: str, *attributes: str, **fields: str) -> dict[str, str]:
    """The fields of a request to change a grant, but for *fields*."""
    return attacker.pushed(
        **{
            "grant_id": grant,
            "grant_management_action": "replace",
            "authorization_details": detail(attacker, *(attributes or (*REQUIRED, MORE))),
        }
        | fields
    )


@pytest.fixture
def tokens(attacker: Attacker) -> dict[str, Any]:
    return attacker.tokens(ticks=REQUIRED)


def test_somebody_elses_unknown_and_ended_grants_are_one_and_the_same_nothing(
    attacker: Attacker, other: Attacker, tokens: dict[str, Any]
) -> None:
    theirs = other.form(
        "/oauth/par",
        change(
            other,
            tokens["grant_id"],
            redirect_uri=other.pushed()["redirect_uri"],
            authorization_details=detail(other, "energy_contract_number", purpose="buren"),
        ),
    )
    unknown = attacker.form("/oauth/par", change(attacker, "0" * 32))
    with Citizen(attacker.stage) as sanne:
        home = sanne.page("/")
        sanne.browser.submit(home, f"stop-{tokens['grant_id']}")
    ended = attacker.form("/oauth/par", change(attacker, tokens["grant_id"]))
    for answer in (theirs, unknown, ended):
        must_refuse(answer, 400, "invalid_grant_id")
    assert theirs.text == unknown.text == ended.text


@pytest.mark.parametrize(
    "fields",
    [
        {"grant_management_action": ""},
        {"grant_management_action": "create"},
        {"grant_management_action": "delete"},
        {"grant_id": ""},
    ],
)
def test_an_action_that_does_not_fit_its_grant_is_refused(
    attacker: Attacker, tokens: dict[str, Any], fields: dict[str, str]
) -> None:
    must_refuse(
        attacker.form("/oauth/par", change(attacker, tokens["grant_id"], **fields)), 400, "invalid_request"
    )


def test_a_grant_does_not_become_one_for_another_purpose(attacker: Attacker, tokens: dict[str, Any]) -> None:
    for purpose in ("buren", "besparen", "made-up"):
        asked = change(
            attacker, tokens["grant_id"], authorization_details=detail(attacker, *REQUIRED, purpose=purpose)
        )
        must_refuse(attacker.form("/oauth/par", asked), 400, "invalid_authorization_details")


def test_only_the_person_who_gave_it_sees_the_question_and_a_stranger_spoils_nothing(
    attacker: Attacker, tokens: dict[str, Any]
) -> None:
    """The link in another person's browser: the answer of one must not change the grant of the other."""
    riets = attacker.tokens("riet", REQUIRED)
    question = f"/my/requests/{attacker.question(attacker.ask(**change(attacker, tokens['grant_id'])))}"
    with Citizen(attacker.stage, "riet") as riet, Citizen(attacker.stage) as sanne:
        stranger, unknown = riet.page(question), riet.page("/my/requests/" + "0" * 32)
        assert stranger.status == unknown.status == 404
        assert stranger.words == unknown.words
        page = sanne.page(question)
        answer = riet.yes(page, [*REQUIRED, MORE])
        assert not isinstance(answer, str)
        assert answer.status == 403
        code = code_of(sanne.yes(page, [*REQUIRED, MORE]))
    changed = attacker.exchange(code).json()
    assert changed["grant_id"] == tokens["grant_id"]
    assert attacker.disclose(tokens["access_token"], [MORE]).status_code == 200
    must_refuse(attacker.disclose(riets["access_token"], [MORE]), 403, "beyond_grant")


def test_the_fields_of_one_change_do_not_answer_another(attacker: Attacker, tokens: dict[str, Any]) -> None:
    """The seal of a page about less, sent to the address of a request for more."""
    less, more = (
        f"/my/requests/{attacker.question(attacker.ask(**change(attacker, tokens['grant_id'], *names)))}"
        for names in (REQUIRED, [*REQUIRED, MORE])
    )
    with Citizen(attacker.stage) as sanne:
        page, target = sanne.page(less), sanne.page(more)
        page.forms["decide"].action = target.forms["decide"].action
        page.url = target.url
        swapped = sanne.yes(page, [*REQUIRED, MORE])
        assert not isinstance(swapped, str)
        assert swapped.status == 422
    must_refuse(attacker.disclose(tokens["access_token"], [MORE]), 403, "beyond_grant")


def test_after_a_stop_a_page_that_was_open_changes_nothing(
    attacker: Attacker, tokens: dict[str, Any]
) -> None:
    question = f"/my/requests/{attacker.question(attacker.ask(**change(attacker, tokens['grant_id'])))}"
    with Citizen(attacker.stage) as sanne:
        page = sanne.page(question)
        sanne.browser.submit(sanne.page("/"), f"stop-{tokens['grant_id']}")
        late = sanne.yes(page, [*REQUIRED, MORE])
        assert not isinstance(late, str)
        assert late.status == 410
        assert sanne.page(question).status == 410
    must_refuse(attacker.disclose(tokens["access_token"]), 401, "grant_not_active")


def test_a_renewal_says_yes_to_nothing_but_the_end(attacker: Attacker, tokens: dict[str, Any]) -> None:
    asked = change(attacker, tokens["grant_id"], *REQUIRED)
    question = f"/my/requests/{attacker.question(attacker.ask(**asked))}"
    with Citizen(attacker.stage) as sanne:
        page = sanne.page(question)
        assert page.forms["decide"].boxes == []
        code = code_of(sanne.yes(page, [*REQUIRED, MORE, "bsn"]))
    renewed = attacker.exchange(code).json()
    assert renewed["authorization_details"][0]["attributes"] == sorted(REQUIRED)
    must_refuse(attacker.disclose(renewed["access_token"], [MORE]), 403, "beyond_grant")


def test_a_code_of_a_change_is_as_short_lived_and_single_as_any(
    attacker: Attacker, tokens: dict[str, Any]
) -> None:
    question = f"/my/requests/{attacker.question(attacker.ask(**change(attacker, tokens['grant_id'])))}"
    with Citizen(attacker.stage) as sanne:
        code = code_of(sanne.yes(sanne.page(question), [*REQUIRED, MORE]))
    first = attacker.exchange(code).json()
    must_refuse(attacker.exchange(code), 400, "invalid_grant")
    must_refuse(attacker.disclose(first["access_token"]), 401, "invalid_token")
    # What came of the first yes has not been offered twice: it goes on.
    assert attacker.disclose(tokens["access_token"]).status_code == 200
