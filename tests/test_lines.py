"""No line of the log can hold more than its allowed fields in their shapes: not ours, and not those of libraries."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import consent
from consent.lines import SHAPES, _in_shape, place_of

CANARY = "Kanarie-7413"
HOUSE = Path(consent.__file__).parent

SPEAKS = f"""
import asyncio, logging, warnings
import structlog
from consent.lines import speak_in_lines

speak_in_lines()
ours, canary = structlog.get_logger(), {CANARY!r}
ours.error("told", size=3, citizen=canary, token=canary, fault="KeyError")
ours.bind(subject=canary).warning("bound", address=canary, log=canary + " ", size=canary, count=[canary])
ours.info(canary, fault=canary + " x")
for name in ("uvicorn.error", "asyncpg.pool", "authlib", "aiosqlite", "httpx", "anything"):
    logging.getLogger(name).warning("%s said %s", canary, canary, extra={{"citizen": canary}})
    logging.getLogger(name).debug(canary)
try:
    raise ValueError(canary)
except ValueError:
    logging.getLogger("uvicorn.error").exception(canary)
    ours.error("caught", exc_info=True, stack_info=True)
warnings.warn(canary)

async def forgotten():
    async def fails():
        raise RuntimeError(canary)
    task = asyncio.create_task(fails(), name=canary)
    await asyncio.wait([task])

asyncio.run(forgotten())
"""


@pytest.fixture(scope="module")
def said() -> list[dict[str, Any]]:
    done = subprocess.run([sys.executable, "-c", SPEAKS], capture_output=True, text=True, check=True)
    assert CANARY not in done.stderr + done.stdout
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_only_allowed_fields_come_through_whoever_speaks(said: list[dict[str, Any]]) -> None:
    assert len(said) == 3 + 6 + 2 + 1 + 1
    assert all(set(line) <= set(SHAPES) for line in said)
    assert (said[0]["event"], said[0]["size"], said[0]["fault"]) == ("told", 3, "KeyError")


def test_what_has_not_the_shape_of_its_field_is_hidden(said: list[dict[str, Any]]) -> None:
    bound = said[1]
    assert [bound[name] for name in ("address", "log", "size", "count")] == ["?"] * 4
    assert (said[2]["event"], said[2]["fault"]) == ("?", "?")


def test_a_fault_is_told_by_its_kind_and_place(said: list[dict[str, Any]]) -> None:
    theirs, ours = said[9:11]
    assert (theirs["library"], theirs["fault"]) == ("uvicorn.error", "ValueError")
    assert ours["event"] == "caught"
    assert said[-1]["library"] == "asyncio"
    assert said[-1]["fault"] == "RuntimeError"


def test_the_place_is_a_line_of_ours_and_tells_nothing_of_the_machine() -> None:
    try:
        _in_shape("no such field", "x")
    except KeyError as fault:
        place = place_of(fault)
    file, _, line = place.partition(":")
    assert (file, line.isdigit()) == ("consent/lines.py", True)
    assert place_of(ValueError()) == "unknown:0"


def calls() -> Iterator[tuple[str, ast.Call]]:
    """All places where the house says a line. The asker chooses its level as it goes, and calls it `report`."""
    for file in sorted(HOUSE.rglob("*.py")):
        speaks = re.compile(r"_log\.\w+|report" if file.name == "asker.py" else r"_log\.\w+")
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and speaks.fullmatch(ast.unparse(node.func)):
                yield f"{file.relative_to(HOUSE)}:{node.lineno}", node


def test_every_line_that_the_house_says_is_a_word_with_fields_that_come_through() -> None:
    """What would be dropped or hidden is not passed in the first place."""
    found = list(calls())
    assert len(found) > 15
    for where, node in found:
        assert [type(one) for one in node.args] == [ast.Constant], where
        assert _in_shape("event", ast.literal_eval(node.args[0])) != "?", where
        assert {keyword.arg for keyword in node.keywords} <= set(SHAPES) - {"event", "level", "timestamp"}, (
            where
        )
