"""The documentation is true: its commands run, its blocks run, its links lead somewhere, its lists are the code's."""

import ast
import importlib
import json
import re
import sqlite3
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import yaml

from consent.__main__ import _parser
from consent.demo import Stage
from consent.demo_browser import Browser, Page
from consent.errands.metrics import metrics
from consent.lines import SHAPES
from consent.web.organisation import DisclosureAnswer

from . import reference_pages
from .conftest import free_port
from .doc_blocks import Reader, blocks
from .specifications import SUPPORT
from .test_demo import STORY
from .test_lines import calls
from .world import World

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md"), ROOT / "clients" / "organisation" / "README.md"])


class Citizen:
    """Does in the browser what a page asks a person to do."""

    def __init__(self, issuer: str) -> None:
        self.browser = Browser(issuer)

    def do(self, act: str, shown: str) -> None:
        decision, *names = act.split()
        if decision in ("yes", "no"):
            address = re.search(r"http\S+/oauth/authorize\S+", shown)
            assert address is not None, shown
            question = self.page(self.browser.open(address[0]))
            if "decide" not in question.forms:  # not signed in yet
                form = next(name for name in question.forms if name.startswith("sign-in-persona-"))
                question = self.page(
                    self.browser.submit(question, form, ("persona", form.removeprefix("sign-in-persona-")))
                )
            # Only what is shared already is ticked beforehand, on a question that wants to change it.
            asked = question.forms["decide"]
            assert asked.ticked == ("verandering" in question.heading and bool(asked.boxes))
            ticks = [("attribute", name) for name in names]
            callback = self.browser.answer(question, *ticks, ("decision", decision))
            assert isinstance(callback, str)
            httpx.get(callback)
        elif act == "stop":
            home = self.page(self.browser.open("/"))
            (stop,) = [name for name in home.forms if name.startswith("stop-")]
            assert self.page(self.browser.submit(home, stop)).url.endswith("/stopped")
        else:
            raise AssertionError(f"nobody knows how to {act}")

    def page(self, found: Page | str) -> Page:
        assert isinstance(found, Page)
        return found


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    port = free_port()
    citizen = Citizen(f"http://localhost:{port}")
    someone = Reader(tmp_path, port, act=citizen.do)
    try:
        yield someone
    finally:
        someone.close()
        citizen.browser.close()


def test_the_tutorial_runs_from_an_empty_folder_to_the_audit(reader: Reader) -> None:
    reader.follow(DOCS / "tutorial" / "first-disclosure.md")


def test_an_organisation_without_our_sdk_gets_data_and_refusals_as_described(reader: Reader) -> None:
    reader.follow(DOCS / "how-to" / "ask-with-plain-http.md")
    reader.follow(DOCS / "how-to" / "when-the-answer-is-no.md")


def test_an_organisation_hears_of_a_stop_as_described(reader: Reader) -> None:
    reader.follow(DOCS / "tutorial" / "first-disclosure.md")
    reader.follow(DOCS / "how-to" / "hear-when-a-citizen-stops.md")


def test_a_grant_is_changed_renewed_and_ended_as_described(reader: Reader) -> None:
    reader.follow(DOCS / "tutorial" / "first-disclosure.md")
    reader.follow(DOCS / "how-to" / "fetch-many-at-once.md")
    reader.follow(DOCS / "how-to" / "change-or-end-a-grant.md")


def test_an_organisation_is_added_changed_and_suspended_as_described(reader: Reader) -> None:
    example = next(block.text for block in blocks(DOCS / "reference" / "seed.md") if block.language == "toml")
    (reader.folder / "bieb.toml").write_text(example, "utf-8")
    reader.follow(DOCS / "how-to" / "add-an-organisation.md")


def with_the_library(reader: Reader) -> Reader:
    """The service runs and the example's organisation was added."""
    example = next(block.text for block in blocks(DOCS / "reference" / "seed.md") if block.language == "toml")
    (reader.folder / "bieb.toml").write_text(example, "utf-8")
    before = reader.folder / "before.md"
    before.write_text(
        "```sh\nconsent organisation add bieb.toml\n```\n\n```sh serve\nconsent serve --sandbox\n```\n"
    )
    reader.follow(before)
    return reader


def test_a_client_is_registered_approved_and_its_key_changed_as_described(reader: Reader) -> None:
    with_the_library(reader).follow(DOCS / "how-to" / "register-a-client.md")


def test_an_operator_approves_suspends_and_lets_in_as_described(reader: Reader) -> None:
    with_the_library(reader).follow(DOCS / "how-to" / "operate-approvals.md")


def test_a_log_is_verified_as_described(served: Stage, tmp_path: Path) -> None:
    reader = Reader(tmp_path, served.port, data=served.service)
    reader.follow(DOCS / "how-to" / "verify-a-log.md")
    reader.follow(DOCS / "how-to" / "publish-the-log.md")


def test_an_organisation_is_audited_as_described(served: Stage, tmp_path: Path) -> None:
    Reader(tmp_path, served.port, data=served.service).follow(DOCS / "how-to" / "audit.md")


def test_the_service_starts_behind_a_proxy_and_is_backed_up_as_described(reader: Reader) -> None:
    reader.follow(DOCS / "how-to" / "run-behind-a-proxy.md")
    (copy,) = (reader.folder / "backups").glob("*/data.sqlite3")
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT size FROM log_heads").fetchall() == [(1,)]


def test_a_service_is_looked_after_as_described(reader: Reader) -> None:
    reader.follow(DOCS / "how-to" / "operate.md")


def test_the_page_about_operating_names_all_lines_of_the_log_and_no_others() -> None:
    page = (DOCS / "how-to" / "operate.md").read_text("utf-8")
    listed = {
        name
        for row in re.findall(r"^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \|", page, re.MULTILINE)
        for name in re.findall(r"`([a-z_]+)`", row)
    }
    said = {ast.literal_eval(node.args[0]) for where, node in calls() if not where.startswith("witness.py")}
    assert listed == said | {"library_spoke"}
    fields = re.search(r"allowed fields only: (.+?)\. There", page, re.DOTALL)
    assert fields is not None
    assert set(re.findall(r"`(\w+)`", fields[1])) == set(SHAPES)


async def test_every_number_on_the_page_about_operating_is_there(world: World) -> None:
    page = (DOCS / "how-to" / "operate.md").read_text("utf-8")
    named = {name.removesuffix("_bucket") for name in re.findall(r"\b(consent_[a-z_]+)", page)}
    there = set(re.findall(r"^# TYPE (\w+)", await metrics(world.house), re.MULTILINE))
    assert len(named) > 10
    assert named <= there


def test_a_backup_is_made_and_restored_as_described(reader: Reader) -> None:
    reader.follow(DOCS / "how-to" / "back-up-and-restore.md")


def test_the_examples_of_how_we_write_hold() -> None:
    """All blocks of the page are one program; what is a test in it is run."""
    text = "\n\n".join(
        block.text for block in blocks(DOCS / "explanation" / "style.md") if block.language == "python"
    )
    page: dict[str, Any] = {"__name__": "style"}
    exec(compile(text, "style.md", "exec"), page)
    tests = [page[name] for name in page if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test()
    assert "hush" not in f"{page['Secret']('hush')!r} {page['Secret']('hush')}"


def test_the_readme_says_both_commands_exactly() -> None:
    commands = [block.text.strip() for block in blocks(ROOT / "README.md") if block.language == "sh"]
    assert commands[:2] == [
        "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/consent demo",
        "python3 tests/run.py",
    ]
    serve, add = commands[2].splitlines()
    for command in (serve, add):
        arguments = _parser().parse_args(command.split()[1:])
        assert (arguments.data, arguments.issuer) == ("/var/lib/consent", "https://consent.example.org")


def test_the_readme_shows_what_the_demo_says() -> None:
    shown = [block.text for block in blocks(ROOT / "README.md") if "municipality: asks" in block.text]
    lines = [line.strip().partition(": ")[::2] for line in shown[0].splitlines()]
    assert [who for who, _ in lines] == [who for who, _ in STORY]
    for (_, said), (_, expected) in zip(lines, STORY, strict=True):
        assert re.search(expected, said), said


def test_the_readme_lists_the_rooms_that_there_are() -> None:
    listed = re.findall(r"^consent/(\w+) ", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert set(listed) == {room.parent.name for room in (ROOT / "consent").glob("*/__init__.py")}


@pytest.mark.parametrize("name", reference_pages.PAGES)
def test_a_page_that_follows_from_the_code_is_up_to_date(name: str) -> None:
    written = (reference_pages.REFERENCE / name).read_text("utf-8")
    assert written == reference_pages.PAGES[name](), "run `python -m tests.reference_pages`"


@pytest.mark.parametrize("name", SUPPORT)
def test_what_is_said_of_a_specification_has_code_and_a_test(name: str) -> None:
    cited = {one for one, _ in reference_pages.citations()}
    row = SUPPORT[name]
    if row.status == "no":
        assert (name in cited, row.test) == (False, "")
    else:
        assert name in cited, "no line of code cites it"
        assert "def test_" in (ROOT / "tests" / row.test).read_text("utf-8")


def test_every_word_of_the_word_list_exists_in_the_code() -> None:
    names = re.findall(r"`(consent\.[\w.]+)`", (DOCS / "reference" / "words.md").read_text("utf-8"))
    assert len(names) > 30
    missing = []
    for name in names:
        module, _, attribute = name.rpartition(".")
        if not hasattr(importlib.import_module(module), attribute):
            missing.append(name)
    assert missing == []


def test_every_address_and_member_on_the_page_about_the_api_is_described() -> None:
    described = yaml.safe_load((ROOT / "openapi.yaml").read_text("utf-8"))["paths"]
    page = DOCS / "reference" / "api.md"
    for block in blocks(page):
        if block.language == "http":
            method, path = block.text.split()[:2]
            assert method.lower() in described[path]
        if block.language == "json":
            assert set(json.loads(block.text)) == {
                field.name for field in msgspec.structs.fields(DisclosureAnswer)
            }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        place, _, heading = target.partition("#")
        there = (page.parent / place).resolve() if place else page
        assert there.exists(), f"{target} leads nowhere"
        if heading:
            headings = re.findall(r"^#+ (.+)$", there.read_text("utf-8"), re.MULTILINE)
            assert heading in {_anchor(words) for words in headings}, f"{target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_and_command_that_a_page_names_exists(page: Path) -> None:
    """`path/to/file.py` is looked up in the tree, `consent words` in the command line."""
    text = page.read_text("utf-8")
    for name in re.findall(r"`((?:consent|tests|clients|docs)/[\w/.-]+)`", text):
        assert (ROOT / name).exists(), name
    known = {words for words, _ in reference_pages.commands()}
    for command in re.findall(r"`consent ((?:[a-z]+ ?)+)", text):
        assert any(f"consent {command} ".startswith(f"{words} ") for words in known), command


def test_every_decision_says_its_question_its_choice_and_its_price() -> None:
    files = sorted((DOCS / "decisions").glob("*.md"))
    assert [file.name[:4] for file in files] == sorted({file.name[:4] for file in files})
    for file in files:
        text = file.read_text("utf-8")
        assert text.startswith(f"# {int(file.name[:4])}. "), file.name
        for part in ("**Question.**", "**Choice.**", "**What we give up.**"):
            assert part in text, f"{file.name}: {part}"


def test_every_dependency_has_its_reason() -> None:
    about = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = {
        re.split(r"[<>=; ]", line)[0]
        for line in [*about["dependencies"], *about["optional-dependencies"]["test"]]
    }
    page = (DOCS / "decisions" / "0005-dependencies.md").read_text("utf-8")
    listed = {
        name
        for row in re.findall(r"^\| (`.+?) \| ", page, re.MULTILINE)
        for name in re.findall(r"`([\w-]+)`", row)
    }
    assert listed == needed


def _anchor(heading: str) -> str:
    """The anchor that a forge gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
