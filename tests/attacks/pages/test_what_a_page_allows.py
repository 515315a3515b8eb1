"""What a page lets a browser do: the exact policy, no frame, no copy, and no way to another site."""

import re
from urllib.parse import quote, urlsplit

import httpx
import pytest

from .conftest import Visit
from .visitor import VICTIM, Loot, Visitor

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def check_page(answer: httpx.Response) -> None:
    """The exact policy, no frame, no guess of types, no trace elsewhere, no copy on disk."""
    assert answer.headers["content-security-policy"] == POLICY
    expected = {
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-store",
    }
    assert {name: answer.headers.get(name) for name in expected} == expected
    assert "server" not in answer.headers
    assert "access-control-allow-origin" not in answer.headers


def test_every_page_has_the_same_strict_policy(victim: Visitor, visit: Visit, loot: Loot) -> None:
    nobody = visit()
    for path in ("/sign-in", "/sign-in?error=passkey_failed", "/signed-out", "/nothing", "/oauth/authorize"):
        check_page(nobody.get(path))
    grant = f"/my/grants/{loot.grant}"
    for path in ("/", "/my/timeline", "/my/data", "/my/data/city", "/my/data/bsn", grant, loot.use):
        check_page(victim.get(path))
    for path in (f"{grant}/receipt.json", f"{grant}/receipt.tlog-proof"):
        answer = victim.get(path)
        check_page(answer)
        assert answer.headers["content-disposition"].startswith("attachment; ")


def test_no_form_leads_to_another_site_not_even_to_who_asks(victim: Visitor, loot: Loot) -> None:
    """The way back is a link: what a form sends stays here, whatever is injected into a page."""
    check_page(victim.get(loot.question))
    again = victim.post(loot.question, {"csrf": victim.csrf(), "shown": "", "decision": "perhaps"})
    assert again.status_code == 422
    check_page(again)


ELSEWHERE = [
    "https://evil.example/",
    "//evil.example",
    "//[evil.example",
    "//evil.example℀",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    " //evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "http:evil.example",
    "evil.example",
    "@evil.example",
    "/%5cevil.example",
    "/..//evil.example",
    "//evil.example\\@localhost/",
    "/\r\nset-cookie: session=x",
    "/é",
    "/" + "a" * 300,
]


@pytest.mark.parametrize("where", ELSEWHERE)
def test_nobody_is_sent_elsewhere_from_here(where: str, visit: Visit, victim: Visitor) -> None:
    visitor = visit()
    page = visitor.get(f"/sign-in?next={quote(where, safe='')}")
    targets = re.findall(r'(?:href|action|value|data-next)="([^"]*)"', page.text)
    arrivals = [visitor.post("/sign-in/persona", {"persona": VICTIM, "next": where}).headers["location"]]
    arrivals.append(victim.get(f"/sign-in?next={quote(where, safe='')}").headers["location"])
    csrf = victim.csrf()
    kept = victim.post("/my/data/city", {"csrf": csrf, "value": "Voorbeeldstad", "next": where})
    arrivals.append(kept.headers["location"])
    targets += re.findall(
        r'(?:href|value)="([^"]*)"', victim.get(f"/my/data/city?next={quote(where, safe='')}").text
    )
    for place in (*arrivals, *(t for t in targets if "evil" in t and "next=" not in t)):
        # As a browser resolves it: it drops tabs and newlines, and reads a backslash as a slash.
        tidy = re.sub(r"[\t\r\n]", "", place.strip()).replace("\\", "/")
        assert tidy.startswith("/")
        assert not tidy.startswith("//")
        assert urlsplit(tidy).netloc == ""
    victim.post("/my/data/city/remove", {"csrf": csrf})
