"""A statement with many rows of parameters is run in a few goes; what it finds and writes is the same as one by one."""

import asyncio
import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.storage.sqlite import SqliteStore, _for_many, _run, _texts
from consent.storage.store import Row

TEXTS = _texts()
PEOPLE = [f"person-{n}" for n in range(12)]
NAMES = ("income", "household_size", "energy_supplier")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """Twelve people; each third one has no values, the others up to three versions of each; some refusals."""
    path = tmp_path_factory.mktemp("many") / "consent.sqlite3"

    async def make() -> None:
        await (await SqliteStore.open(path)).close()

    asyncio.run(make())
    opened = sqlite3.connect(path, isolation_level=None)
    opened.executemany(TEXTS["citizen.put"], [(name, "active", n) for n, name in enumerate(PEOPLE)])
    for number, person in enumerate(PEOPLE):
        for version in range(1, number % 3 + 1):
            for name in NAMES:
                row = (person, name, version, 1, b"sealed", b"commitment", "self", "2030-01-01", version, 0)
                opened.execute(TEXTS["value.put"], row)
        for day in range(number % 4):
            opened.execute("PRAGMA foreign_keys=OFF")
            opened.executemany(
                TEXTS["refusal.put"],
                [(person, "too_often", day, 1, 1), (person, "not_active", day // 2, 2, 1)],
            )
    yield opened
    opened.close()


def one_by_one(database: sqlite3.Connection, text: str, rows: list[Row]) -> list[Row]:
    return [found for row in rows for found in database.execute(text, row).fetchall()]


people = st.sampled_from([*PEOPLE, "nobody"])
same_database = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)


@same_database
@given(rows=st.lists(st.tuples(people), max_size=180))
def test_rows_of_many_come_in_the_order_of_asking(database: sqlite3.Connection, rows: list[Row]) -> None:
    text = TEXTS["citizen.get"]
    assert _run(database, text, _for_many(text), rows) == one_by_one(database, text, rows)


@same_database
@given(rows=st.lists(st.tuples(people), max_size=180))
def test_several_rows_for_one_question_stay_with_their_question(
    database: sqlite3.Connection, rows: list[Row]
) -> None:
    text = TEXTS["refusal.newest"]
    found = _run(database, text, _for_many(text), rows)
    assert [row[0] for row in found] == [row[0] for row in one_by_one(database, text, rows)]
    assert sorted(found) == sorted(one_by_one(database, text, rows))


def test_the_newest_refusal_of_each_reason_is_found_however_old_it_is(database: sqlite3.Connection) -> None:
    person = PEOPLE[3]  # refused on days 0, 1, 2 for one reason, and on days 0 and 1 for the other
    found = one_by_one(database, TEXTS["refusal.newest"], [(person,)])
    assert {(reason, day) for _, reason, day, _, _ in found} == {("too_often", 2), ("not_active", 1)}


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 63, 64, 65, 84, 150])
def test_as_many_rows_are_written_as_were_given(database: sqlite3.Connection, count: int) -> None:
    rows: list[Row] = [(bytes([n]) * 32, n) for n in range(count)]
    text = TEXTS["used.put"]
    database.execute("BEGIN")
    try:
        assert _run(database, text, _for_many(text), rows) == []
        assert database.execute("SELECT hash, expires_at FROM used_proofs ORDER BY hash").fetchall() == rows
    finally:
        database.execute("ROLLBACK")


def test_a_change_of_many_rows_changes_each_to_its_own(database: sqlite3.Connection) -> None:
    rows: list[Row] = [(name, "frozen" if n % 2 else "active", 0) for n, name in enumerate(PEOPLE)]
    text = TEXTS["citizen.put"]
    database.execute("BEGIN")
    try:
        _run(database, text, _for_many(text), rows)
        found = dict(database.execute("SELECT id, status FROM citizens").fetchall())
    finally:
        database.execute("ROLLBACK")
    assert found == {name: status for name, status, _ in rows}


@pytest.mark.parametrize("count", [3, 4, 11, 70])
@pytest.mark.parametrize("again", [False, True])
def test_an_update_of_many_rows_is_that_of_each_in_their_order(
    database: sqlite3.Connection, count: int, again: bool
) -> None:
    database.execute("BEGIN")
    try:
        database.execute("CREATE TABLE steps (id TEXT PRIMARY KEY, a INTEGER, b INTEGER) STRICT")
        database.executemany("INSERT INTO steps VALUES (?, 0, 0)", [(f"{n}",) for n in range(80)])
        text = "UPDATE steps\nSET a = ?2, b = ?3\nWHERE id = ?1;"
        rows: list[Row] = [(f"{n}", n, n + 1000) for n in range(count)]
        rows += [("1", -1, -2)] if again else []
        _run(database, text, _for_many(text), rows)
        found = {
            name: (a, b)
            for name, a, b in database.execute("SELECT id, a, b FROM steps WHERE a <> 0 OR b <> 0")
        }
        plan = " ".join(
            row[3] for row in database.execute("EXPLAIN QUERY PLAN " + _for_many(text)[4], [None] * 12)
        )
    finally:
        database.execute("ROLLBACK")
    assert found == {f"{n}": (n, n + 1000) for n in range(count)} | ({"1": (-1, -2)} if again else {})
    assert "SEARCH steps USING" in plan  # never through all rows of the table


@pytest.mark.parametrize("name", [name for name, text in TEXTS.items() if _for_many(text)])
def test_every_text_for_many_prepares(database: sqlite3.Connection, name: str) -> None:
    for count, text in _for_many(TEXTS[name]).items():
        width = text[: text.index(")")].count("?") if text.startswith("SELECT") else text.count("?") // count
        assert database.execute(f"EXPLAIN {text}", [None] * (width * count)).fetchall()


@pytest.mark.parametrize(
    "text",
    [
        "SELECT count(*) FROM grants WHERE citizen = ?1",
        "SELECT DISTINCT citizen FROM grants WHERE client = ?1",
        "SELECT id FROM grants WHERE citizen = ?1 ORDER BY granted_at",
        "SELECT id FROM grants WHERE citizen = ?1 LIMIT 5",
        "SELECT citizen FROM grants WHERE client = ?1 GROUP BY citizen",
        "SELECT id FROM citizens",
        "UPDATE log_heads SET size = ?1 WHERE log = ?2 RETURNING size",
        "DELETE FROM used_proofs WHERE expires_at < ?1",
        "INSERT INTO citizens (id, status, created_at) SELECT ?1, ?2, ?3",
    ],
)
def test_what_would_mean_something_else_for_many_is_run_one_by_one(text: str) -> None:
    assert _for_many(text) == {}
