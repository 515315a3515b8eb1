"""What an organisation learns about its tokens, and how it throws one away."""

from typing import Any

import pytest

from consent.oauth.introspect import check_introspection_form, introspection
from consent.oauth.revoke import Revocation, check_revocation_form, revocation
from consent.oauth.token import Token
from consent.words.errors import InvalidRequest
from consent.words.instants import SECOND

from .actors import ISSUER, NOON, NOON_S
from .test_token import ACCESS, JKT, REFRESH, changed

DETAILS = [{"type": ISSUER + "/types/attributes/v1", "attributes": ["name"]}]
CLIENT_TOKEN = changed(ACCESS, kind="client", grant=None, code=None)


def ask(token: Token | None, **changes: Any) -> dict[str, Any]:
    facts = {
        "caller": "bank-app",
        "issuer": ISSUER,
        "at": NOON,
        "grant_is_live": True,
        "subject": "pairwise-1",
    }
    return introspection(token, **{**facts, "authorization_details": DETAILS, **changes})


def test_a_client_sees_all_of_its_own_access_token() -> None:
    assert ask(ACCESS) == {
        "active": True,
        "iss": ISSUER,
        "client_id": "bank-app",
        "iat": NOON_S,
        "exp": NOON_S + 600,
        "sub": "pairwise-1",
        "authorization_details": DETAILS,
        "token_type": "DPoP",
        "cnf": {"jkt": JKT},
    }


def test_a_refresh_token_is_bound_to_no_key() -> None:
    facts = ask(REFRESH)
    assert facts["active"] is True
    assert not {"cnf", "token_type"} & facts.keys()


def test_a_token_of_the_client_itself_speaks_of_no_citizen() -> None:
    facts = ask(CLIENT_TOKEN, grant_is_live=False)
    assert facts["active"] is True
    assert not {"sub", "authorization_details"} & facts.keys()


def test_foreign_unknown_and_dead_look_alike_rfc_7662_section_2_2() -> None:
    answers = [
        ask(None),
        ask(ACCESS, caller="other-app"),
        ask(ACCESS, at=ACCESS.expires_at),
        ask(changed(ACCESS, revoked_at=NOON - SECOND)),
        ask(ACCESS, grant_is_live=False),
        ask(REFRESH, grant_is_live=False),
    ]
    assert answers == [{"active": False}] * len(answers)
    assert ask(ACCESS, at=ACCESS.expires_at - 1)["active"] is True


def test_an_answer_belongs_to_its_asker() -> None:
    ask(None)["active"] = True
    assert ask(None) == {"active": False}


def test_revoking_an_access_token_kills_it_alone() -> None:
    assert revocation(ACCESS, client_id="bank-app") == Revocation(hash=ACCESS.hash, code=None)
    assert revocation(CLIENT_TOKEN, client_id="bank-app") == Revocation(hash=ACCESS.hash, code=None)


def test_revoking_a_refresh_token_takes_its_access_tokens_along_rfc_7009_section_2_1() -> None:
    assert revocation(REFRESH, client_id="bank-app") == Revocation(hash=REFRESH.hash, code=REFRESH.code)


def test_unknown_foreign_and_dead_tokens_end_nothing_rfc_7009_section_2_2() -> None:
    assert revocation(None, client_id="bank-app") is None
    assert revocation(ACCESS, client_id="other-app") is None
    assert revocation(REFRESH, client_id="other-app") is None
    assert revocation(changed(ACCESS, revoked_at=NOON), client_id="bank-app") is None


@pytest.mark.parametrize("check", [check_introspection_form, check_revocation_form])
def test_both_forms_need_a_token_and_ignore_the_hint(check: Any) -> None:
    assert check({"token": "x", "token_type_hint": "nonsense"}) == "x"
    with pytest.raises(InvalidRequest):
        check({"token_type_hint": "access_token"})
