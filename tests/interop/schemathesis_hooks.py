"""Loaded by schemathesis: gives each of its requests the credentials that a real client or auditor would bring.

Everything else of a request stays as schemathesis made it, so that it also tries what lies behind the first door.
"""

import json
import os
from pathlib import Path
from typing import Any

import schemathesis
from consent_sdk.keys import SigningKey, client_assertion, dpop_proof

from consent.oauth.clients import ASSERTION_TYPE
from tests.web.office import fresh, now

_FILE = os.environ["CONSENT_TEST_CREDENTIALS"]
_GIVEN: dict[str, str] = json.loads(Path(_FILE).read_text("ascii")) if _FILE else {}
_KEY = SigningKey.load(_GIVEN["key"]) if _GIVEN else SigningKey.new()
_HOLDS = {"disclose": "grant_token", "discloseBatch": "batch_token"} | dict.fromkeys(
    ["registerUse", "readGrant", "listGrants", "readUsage", "listPurposes", "proposePurpose"], "client_token"
)
_BEARERS = {"auditor": "auditor_token", "operator": "operator_token"}
_REGISTRATION = {"readRegistration", "updateRegistration"}


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Sign the request that is about to leave, when there is anything to sign with."""
    if not _GIVEN:
        return
    for name in {"log", "grant_id", "client_id"} & set(case.path_parameters):
        case.path_parameters[name] = _GIVEN[name]
    operation = name_of(case)
    url = _GIVEN["issuer"] + case.formatted_path
    proved: dict[str, Any] = {
        "method": case.method.upper(),
        "url": url,
        "at": now(),
        "jti": fresh(),
        "nonce": None,
    }
    if operation in _HOLDS:
        token = _GIVEN[_HOLDS[operation]]
        case.headers["authorization"] = f"DPoP {token}"
        case.headers["DPoP"] = dpop_proof(_KEY, token=token, **proved)
    elif operation in _REGISTRATION:
        case.headers["authorization"] = f"Bearer {_GIVEN['registration_token']}"
    elif case.operation.path.startswith("/operator/") or operation == "openings":
        kind = "operator" if operation != "openings" else "auditor"
        case.headers["authorization"] = f"Bearer {_GIVEN[_BEARERS[kind]]}"
    elif case.operation.path.startswith("/oauth/") and isinstance(case.body, dict):
        case.headers["DPoP"] = dpop_proof(_KEY, token=None, **proved)
        if operation == "pushRequest":
            # Nothing that it could make up would be registered.
            case.body = case.body | {name: _GIVEN[name] for name in ("redirect_uri", "authorization_details")}
            if len(str(case.body)) % 2:  # half of them without what only a signature or a grant makes right
                made_up = (
                    "request",
                    "response_mode",
                    "grant_id",
                    "grant_management_action",
                    "dpop_jkt",
                    "resource",
                )
                case.body = {name: value for name, value in case.body.items() if name not in made_up}
        if operation == "token" and len(str(case.body)) % 2:  # half of them for something that it can get
            case.body = {"grant_type": "client_credentials"}
        case.body = case.body | {
            "client_id": _GIVEN["client_id"],
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": client_assertion(
                _KEY, client_id=_GIVEN["client_id"], issuer=_GIVEN["issuer"], at=now(), jti=fresh()
            ),
        }


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Keep a tally, so that the test knows what came past the first door."""
    with Path(os.environ["CONSENT_TEST_TALLY"]).open("a") as tally:
        tally.write(f"{name_of(case)} {response.status_code}\n")


def name_of(case: Any) -> str:
    """The operation's name in openapi.yaml."""
    name: str = case.operation.definition.raw["operationId"]
    return name
