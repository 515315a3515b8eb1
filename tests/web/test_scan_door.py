"""The doors of the scan: the key only for whoever has just signed in, and nothing of anybody else."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import consent_verify
import pytest

from consent.demo import Stage
from consent.oauth.token import handle_hash
from tests.attacks.pages.visitor import Visitor


@pytest.fixture
def visitor(served: Stage) -> Iterator[Visitor]:
    found = Visitor(served).sign_in("riet")
    yield found
    found.http.close()


def test_the_key_is_given_as_a_file_and_on_a_page_and_never_kept_by_the_browser(visitor: Visitor) -> None:
    form = {"csrf": visitor.csrf()}
    file = visitor.post("/my/log/key", form | {"as": "file"})
    assert file.headers["content-disposition"] == 'attachment; filename="audit-key.txt"'
    assert file.headers["cache-control"] == "no-store"
    (key,) = consent_verify.read_audit_key(file.text).values()
    assert len(key) == 32
    page = visitor.post("/my/log/key", form | {"as": "page"})
    assert file.text.split(" ")[1].strip() in page.text


def test_a_browser_that_was_left_open_gives_no_key(visitor: Visitor, served: Stage) -> None:
    form = {"csrf": visitor.csrf(), "as": "file"}
    with sqlite3.connect(Path(served.service) / "consent.sqlite3") as database:
        database.execute(
            "UPDATE sessions SET created_at = created_at - 601000000 WHERE hash = ?",
            (handle_hash(visitor.session),),
        )
    stale = visitor.post("/my/log/key", form)
    assert stale.status_code == 403
    assert "/sign-in?next=/my/log&amp;again=1" in stale.text
    assert "cak1" not in stale.text


def test_a_form_of_another_site_gets_no_key(visitor: Visitor) -> None:
    assert visitor.post("/my/log/key", {"as": "file"}).status_code == 403
    form = {"csrf": visitor.csrf(), "as": "file"}
    assert visitor.post("/my/log/key", form, origin="https://evil.example").status_code == 403


@pytest.mark.parametrize("what", ["", "/receipt.json", "/proof.json", "/code.svg"])
@pytest.mark.parametrize(
    "place", ["2026/0", "2026/00", "2026/-1", "2026/99999999999999999", "nolog/1", "a b/1"]
)
def test_what_is_not_hers_is_not_there(visitor: Visitor, what: str, place: str) -> None:
    assert visitor.get(f"/my/entries/{place}{what}").status_code == 404


def test_nobody_is_shown_anything_without_signing_in(served: Stage) -> None:
    nobody = Visitor(served)
    for path in (
        "/my/log",
        "/my/log/openings.ndjson",
        "/my/entries/2026/1",
        "/my/entries/2026/1/receipt.json",
    ):
        answer = nobody.get(path)
        assert (answer.status_code, re.sub(r"\?.*", "", answer.headers["location"])) == (303, "/sign-in")
