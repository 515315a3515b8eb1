"""A question tried from the console: each message as it went, for a program to copy, and nothing that opens a thing."""

import html
import json
import re
import shlex
from collections.abc import Iterator

import httpx
import pytest
from consent_sdk.keys import challenge_of

from consent.demo import CLIENT, ORGANISATION, PURPOSE, Stage
from consent.web.error_codes import OAUTH_CODES
from consent.web.errors import CODES
from consent.words import errors
from consent.words.errors import OAuthError
from tests.attacks.pages.visitor import Visitor
from tests.web.office import ASKED, REDIRECT, fresh, office_of

TRY = f"/console/{ORGANISATION}/try"
WHO = "riet"


@pytest.fixture(scope="module")
def owner(served: Stage) -> Iterator[Visitor]:
    visitor = Visitor(served).sign_in("fenna")
    yield visitor
    visitor.http.close()


@pytest.fixture(scope="module")
def played(owner: Visitor) -> str:
    """The page after a rehearsal."""
    answer = owner.post(TRY, {"csrf": owner.csrf(), "purpose": PURPOSE, "persona": WHO})
    assert answer.status_code == 200, answer.text
    return answer.text


def commands(page: str) -> dict[str, list[str]]:
    """The command of each message, as a shell reads it."""
    found = re.findall(r'id="call-(\w+)".*?<pre class="consent-command"><code>(.*?)</code>', page, re.DOTALL)
    return {step: shlex.split(html.unescape(text).replace("\\\n", " ")) for step, text in found}


def answers(page: str) -> dict[str, tuple[int, str]]:
    found = re.findall(r'id="call-(\w+)".*?<strong>(\d+)</strong>.*?<pre><code>(.*?)</code>', page, re.DOTALL)
    return {step: (int(status), html.unescape(text)) for step, status, text in found}


def sent(served: Stage, command: list[str], filled_in: dict[str, str]) -> httpx.Response:
    """What curl does with a command, once its names are filled in."""

    def fill(text: str) -> str:
        return re.sub(r"\$([A-Z_]+)", lambda name: filled_in[name[1]], text)

    assert command[0] == "curl"
    url, rest = command[1], command[2:]
    headers, data, body = {}, {}, None
    for flag, text in zip(rest[::2], map(fill, rest[1::2]), strict=True):
        name, _, value = text.partition(":" if flag == "-H" else "=")
        if flag == "-H":
            headers[name.lower()] = value.strip()
        elif flag == "--data-urlencode":
            data[name] = value
        else:
            body = text
    return httpx.post(url, headers=headers, data=data or None, content=body)


def test_a_question_is_played_to_the_stop_and_each_answer_is_what_it_must_be(played: str) -> None:
    assert {step: status for step, (status, _) in answers(played).items()} == {
        "push": 201,
        "ask": 303,
        "exchange": 200,
        "fetch": 200,
        "own_token": 200,
        "use": 200,
        "after_stop": 401,
    }
    fetched = json.loads(answers(played)["fetch"][1])
    assert set(ASKED) <= set(fetched["attributes"])
    assert json.loads(answers(played)["after_stop"][1])["code"] == "grant_not_active"
    assert 'href="/errors#grant_not_active"' in played


def test_no_token_code_proof_or_salt_is_on_the_page(played: str) -> None:
    """Whatever is signed begins with eyJ; whatever opens something has 43 characters and more without a break."""
    shown = "\n".join(
        [
            *(" ".join(command) for command in commands(played).values()),
            *(text for _, text in answers(played).values()),
        ]
    )
    assert "eyJ" not in shown
    for name in ("salt", "kc", "a", "d"):
        assert set(re.findall(rf'"{name}": "([^"]*)"', shown)) == {"…"}
    assert "rehearsal-" not in shown
    for name in ("access_token", "refresh_token", "request_uri"):
        assert set(re.findall(rf'"{name}": "([^"]*)"', shown)) == {f"${name.upper()}"}
    for name in ("code", "state", "code_verifier", "code_challenge", "client_assertion", "client_id"):
        assert set(re.findall(rf"(?<!\w){name}=(\S*)", shown)) <= {
            f"${name.upper()}",
            "$CLIENT_ID&request_uri=$REQUEST_URI",
        }
    assert set(re.findall(r"DPoP: (\S+)", shown)) == {"$DPOP_PROOF"}
    assert set(re.findall(r"Authorization: DPoP (\S+)", shown)) == {"$ACCESS_TOKEN"}


def test_a_program_of_its_own_can_send_what_was_copied(served: Stage, owner: Visitor) -> None:
    """Filled in as the page says, the commands work: from the question to a disclosure, with keys we never saw."""
    office = office_of(served, "proefstad")
    page = played_for(served, office.organisation, office.purpose)
    copied, verifier = commands(page), fresh() * 3
    names = {
        "CLIENT_ID": office.client_id,
        "REDIRECT_URI": REDIRECT,
        "CODE_VERIFIER": verifier,
        "CODE_CHALLENGE": challenge_of(verifier),
        "STATE": fresh(),
        "IDEMPOTENCY_KEY": fresh(),
    }

    def proved(path: str, token: str | None = None) -> dict[str, str]:
        proof = office.proof("POST", path, token)
        return names | {"CLIENT_ASSERTION": office.assertion(), "DPOP_PROOF": proof}

    pushed = sent(served, copied["push"], proved("/oauth/par"))
    assert pushed.status_code == 201, pushed.text
    address = copied["ask"][2].replace("$CLIENT_ID", office.client_id)
    code = office.answered(address.replace("$REQUEST_URI", pushed.json()["request_uri"]))["code"]
    given = sent(served, copied["exchange"], proved("/oauth/token") | {"CODE": code})
    assert given.status_code == 200, given.text
    token = given.json()["access_token"]
    got = sent(served, copied["fetch"], proved("/disclosures", token) | {"ACCESS_TOKEN": token})
    assert got.status_code == 200, got.text
    assert set(got.json()["attributes"]) == set(ASKED)


def played_for(served: Stage, organisation: str, purpose: str) -> str:
    """The page of a rehearsal of another organisation, by an owner of it."""
    code = served.run(
        "organisation", "invite", organisation, "--role", "owner", "--by", "anna", "--name", "Wil"
    )
    visitor = Visitor(served).sign_in("wil")
    assert visitor.post("/join", {"code": code.split()[-1], "csrf": visitor.csrf()}).status_code == 303
    fields = {"csrf": visitor.csrf(), "purpose": purpose, "persona": WHO}
    answer = visitor.post(f"/console/{organisation}/try", fields)
    visitor.http.close()
    assert answer.status_code == 200, answer.text
    return answer.text


def test_nothing_is_left_of_what_was_lent(served: Stage, owner: Visitor, played: str) -> None:
    """The program is in no list, the citizen shares nothing by it, and the journal says that it was there."""
    console = owner.get(f"/console/{ORGANISATION}").text
    assert CLIENT in console
    assert "rehearsal-" not in console
    assert "rehearsal-" not in owner.get(TRY).text
    assert "lent" in served.run("operator", "journal")
    citizen = Visitor(served).sign_in(WHO)
    home = citizen.get("/").text
    citizen.http.close()
    assert not re.search(r'id="stop-\w+"', home)


def test_each_error_has_its_place_on_the_page_of_errors(served: Stage) -> None:
    raised = {
        fault.code
        for fault in vars(errors).values()
        if isinstance(fault, type) and issubclass(fault, OAuthError) and fault is not OAuthError
    }
    assert raised <= OAUTH_CODES.keys() | CODES.keys()
    page = httpx.get(f"{served.issuer}/errors").text
    ids = re.findall(r'<li class="consent-row" id="(\w+)"', page)
    assert sorted(ids) == sorted([*CODES, *OAUTH_CODES])
    assert len(ids) == len(set(ids))
