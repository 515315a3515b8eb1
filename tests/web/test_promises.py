"""Each sentence of a page that claims something large has a test, and the table that says so is true."""

import ast
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from consent.web.render import LOCALE

TESTS = Path(__file__).parent.parent
TABLE = TESTS.parent / "docs" / "reference" / "promises.md"
LARGE = re.compile(
    r"\b(nobody|never|always|at once|only you\b(?! say)|nothing new|nothing (is|was) shared)\b", re.IGNORECASE
)


def rows() -> dict[str, str]:
    """The table: sentence -> what stands beside it."""
    cells = [
        line.strip("| ").split(" | ") for line in TABLE.read_text("utf-8").splitlines() if line[:2] == "| "
    ]
    pairs = [(first, rest[0]) for first, *rest in cells if first != "sentence"]
    assert len({sentence for sentence, _ in pairs}) == len(pairs)
    return dict(pairs)


def sentences() -> set[str]:
    """All that the pages can say, as an English reader meets it."""
    with (LOCALE / "nl" / "LC_MESSAGES" / "consent.po").open("rb") as file:
        catalogue = read_po(file)
    found = [message.id for message in catalogue if message.id]
    return {text for one in found for text in ([one] if isinstance(one, str) else one)}


PROMISES = {sentence: tests for sentence, tests in rows().items() if "`" in tests}


@pytest.mark.parametrize("sentence", PROMISES)
def test_a_promise_is_on_a_page_and_its_tests_are_there(sentence: str) -> None:
    assert sentence in sentences()
    named = re.findall(r"`(\S+)::(\w+)`", PROMISES[sentence])
    assert named
    for file, name in named:
        body = ast.parse((TESTS / file).read_text("utf-8")).body
        assert name in {
            one.name for one in body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
        }, f"{file} has no {name}"


def test_no_large_word_stands_alone() -> None:
    said = sentences()
    assert set(rows()) <= said
    large = {sentence for sentence in said if LARGE.search(sentence)}
    assert len(large) > 50
    assert large <= set(rows()), sorted(large - set(rows()))
