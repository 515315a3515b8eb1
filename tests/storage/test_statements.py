"""The statements of `sql/*.sql`: each prepares, is portable and is used; each name in use exists."""

import ast
import asyncio
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import pytest

import consent
from consent.storage import kinds
from consent.storage.kinds import ALL, Chain, Kind
from consent.storage.sqlite import SqliteStore, _texts
from consent.storage.store import statements

TEXTS = statements()
SQLITE = _texts()
CODE = [ast.parse(file.read_text("utf-8")) for file in sorted(Path(consent.__file__).parent.rglob("*.py"))]
KINDS = {name: kind for name, kind in vars(kinds).items() if isinstance(kind, Kind | Chain)}

# One engine's own: the same text has to mean the same on both.
NOT_PORTABLE = re.compile(
    r"\b(OR (REPLACE|IGNORE|ABORT)|REPLACE INTO|ROWID|GLOB|IFNULL|NVL|PRAGMA|STRFTIME|JULIANDAY|DATETIME|UNIXEPOCH"
    r"|PRINTF|GROUP_CONCAT|STRING_AGG|ARRAY_AGG|AUTOINCREMENT|SERIAL|NEXTVAL|ILIKE|REGEXP|SIMILAR TO|DISTINCT ON"
    r"|JSONB?_\w+|ANY|UNNEST|NOW|CURRENT_TIMESTAMP|CURRENT_DATE|RANDOM|INTERVAL|LATERAL|FOR (UPDATE|SHARE)|SKIP LOCKED"
    r"|TRUE|FALSE|INDEXED BY|COLLATE|WITHOUT|TOP|AUTO_INCREMENT)\b|::|->|@>|[?`\"\[\]{}#]|\$\$|SELECT \*|\bLIMIT -1\b",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """A database with our tables, in which nothing is written."""
    path = tmp_path_factory.mktemp("statements") / "consent.sqlite3"

    async def make() -> None:
        await (await SqliteStore.open(path)).close()

    asyncio.run(make())
    with closing(sqlite3.connect(path)) as opened:
        yield opened


def sql(text: str) -> str:
    """A statement without the comment lines in front."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("--"))


@pytest.mark.parametrize("name", TEXTS)
def test_every_statement_prepares_with_its_parameters(connection: sqlite3.Connection, name: str) -> None:
    numbers = sorted({int(n) for n in re.findall(r"\$(\d+)", TEXTS[name])})
    assert numbers == list(range(1, len(numbers) + 1)), "parameters are numbered without a gap"
    plan = connection.execute(f"EXPLAIN {SQLITE[name]}", [None] * len(numbers)).fetchall()
    assert plan


@pytest.mark.parametrize("name", TEXTS)
def test_every_statement_is_portable(name: str) -> None:
    found = NOT_PORTABLE.search(sql(TEXTS[name]))
    assert found is None, f"{found and found[0]} is one engine's own"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM t",
        "INSERT OR REPLACE INTO t (a) VALUES ($1)",
        "SELECT a::text FROM t",
        "SELECT a FROM t WHERE b = ANY($1)",
        "SELECT a FROM t FOR UPDATE",
        'SELECT "a" FROM t',
    ],
)
def test_what_is_not_portable_is_found(text: str) -> None:
    assert NOT_PORTABLE.search(text)


@pytest.mark.parametrize("name", TEXTS)
def test_a_statement_is_one_statement_and_names_its_columns(name: str) -> None:
    text = sql(TEXTS[name])
    assert ";" not in text
    assert text.startswith(("SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM "))
    if text.startswith("INSERT"):
        assert re.match(r"INSERT INTO \w+\s*\([\w\s,]+\)\s*VALUES \(", text), "an INSERT names its columns"


def test_no_text_is_left_out_by_the_way_names_are_found() -> None:
    folder = files("consent.storage").joinpath("sql")
    written = [line for file in folder.iterdir() for line in file.read_text("utf-8").splitlines()]
    assert len([line for line in written if line.startswith("-- name:")]) == len(TEXTS)
    assert len([line for line in written if line.rstrip().endswith(";")]) == len(TEXTS)


def used() -> Iterator[str]:
    """The names that the code uses: given to `Statement` and `read`, asked for by kind, or written whole in a table."""
    for kind in ALL:
        yield kind.put
    for tree in CODE:
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr="one" | "each")) if (
                    owner in KINDS
                ):
                    yield KINDS[owner].get
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id=owner), attr="by"),
                    args=[ast.Constant(value=str(name)), *_],
                ) if owner in KINDS:
                    yield f"{KINDS[owner].name}.{name}"
                case ast.Attribute(value=ast.Name(id=owner), attr="get" | "put" as which) if owner in KINDS:
                    yield f"{KINDS[owner].name}.{which}"
                case ast.Call(
                    func=ast.Name(id="Statement") | ast.Attribute(attr="read"),
                    args=[ast.Constant(value=str(name)), *_],
                ):
                    yield name
                case ast.Constant(value=str(name)) if name in TEXTS:
                    yield name


def test_every_name_in_use_exists() -> None:
    assert sorted(set(used()) - set(TEXTS)) == []


def test_every_statement_is_used() -> None:
    assert sorted(set(TEXTS) - set(used())) == []


def test_the_tiles_of_a_proof_are_found_and_not_searched_for(connection: sqlite3.Connection) -> None:
    """All tiles of a log of a million entries are 125 MB."""
    text = f"EXPLAIN QUERY PLAN {_texts()['tile.of_proof']}"
    plan = [row[3] for row in connection.execute(text, ["log", *[-1] * 16]) if "log_tiles" in row[3]]
    assert len(plan) == 8
    assert all("(log=? AND level=? AND n=?)" in step for step in plan), plan
