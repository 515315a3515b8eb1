"""Every kind of row comes back from the database as it went in: each column in its place, nothing rounded or lost."""

import asyncio
import re
import sqlite3
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.storage.kinds import ACCESS, ALL, ENTRY, GRANT, HEAD, HOLDINGS, KEYS, TOKEN, Kind
from consent.storage.rows import Holdings
from consent.storage.sqlite import SqliteStore, _texts
from consent.vault.seal import SealedValue

TEXTS = _texts()
# PostgreSQL's TEXT holds no NUL, and no engine's holds half a character.
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
NUMBERS = st.integers(-(2**63), 2**63 - 1)


def made(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a field's type."""
    if kind is str:
        return WORDS
    if kind is bytes:
        return st.binary(max_size=40)
    if kind is bool:
        return st.booleans()
    if kind is int:
        return NUMBERS
    if kind is type(None):
        return st.none()
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return st.sampled_from(inner)
    if origin in (Union, types.UnionType):
        return st.one_of([made(one) for one in inner])
    if origin is tuple and inner[-1] is Ellipsis:
        return st.lists(made(inner[0]), max_size=4).map(tuple)
    if origin is tuple:
        return st.tuples(*[made(one) for one in inner])
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return st.builds(kind, **{field.name: made(field.type) for field in msgspec.structs.fields(kind)})
    raise AssertionError(f"no values are made of {kind}")


def rows(kind: Kind[Any, Any]) -> st.SearchStrategy[Any]:
    """Any row of a kind."""
    fields = {field.name: made(field.type) for field in msgspec.structs.fields(kind._row)}
    return st.fixed_dictionaries(fields).map(lambda values: kind._row(**values))


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("kinds") / "consent.sqlite3"

    async def make(path: Path) -> None:
        await (await SqliteStore.open(path)).close()

    asyncio.run(make(path))
    opened = sqlite3.connect(
        path, isolation_level=None
    )  # references to other kinds are not this test's business
    yield opened
    opened.close()


def all_of(put: str) -> str:
    """For a kind that nothing reads by its key: all rows, with the columns that its INSERT names."""
    match = re.match(r"INSERT INTO (\w+)\s*\(([\w\s,]+)\)", put)
    assert match is not None
    return f"SELECT {match[2]} FROM {match[1]}"


@pytest.mark.parametrize("kind", [*ALL, HEAD], ids=lambda kind: kind.name)
@given(data=st.data())
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_row_comes_back_as_it_went_in(
    connection: sqlite3.Connection, kind: Kind[Any, Any], data: st.DataObject
) -> None:
    row = data.draw(rows(kind))
    put = "head.new" if kind is HEAD else kind.put
    key = kind.key(row)
    connection.execute("BEGIN")
    try:
        connection.executemany(TEXTS[put], [kind.to_row(row)])
        if kind.get in TEXTS:
            found = connection.execute(TEXTS[kind.get], key if isinstance(key, tuple) else (key,)).fetchall()
        else:
            found = connection.execute(all_of(TEXTS[put])).fetchall()
    finally:
        connection.execute("ROLLBACK")
    assert [kind.from_row(values) for values in found] == [row]


def test_what_somebody_holds_comes_back_from_its_row_value_by_value() -> None:
    def value(name: str, version: int, *, removed: bool = False) -> SealedValue:
        return SealedValue(
            citizen="c", name=name, version=version, key_version=1, sealed=b"\x00\xff", commitment=b"x",
            source="self", as_of="2030-01-01", created_at=1, removed=removed,
        )  # fmt: skip

    held = Holdings(citizen="c").with_value(value("city", 1)).with_value(value("age", 1))
    held = held.with_value(value("city", 2)).with_value(value("age", 2, removed=True))
    again = HOLDINGS.from_row(HOLDINGS.to_row(held))
    assert again == held
    assert [kept.name for kept in again.kept] == ["age", "city"]
    assert [again.get(name) for name in ("city", "age")] == [value("city", 2), None]
    assert [again.newest(name) for name in ("age", "never")] == [value("age", 2, removed=True), None]


def test_what_is_referred_to_is_written_first() -> None:
    order = [kind.name for kind in ALL]
    for first, then in (
        ("citizen", "keys"),
        ("organisation", "client"),
        ("grant", "disclosed"),
        ("disclosed", "memo"),
    ):
        assert order.index(first) < order.index(then)
    assert {KEYS, ENTRY} <= set(ALL)


GRANT_FIELDS: dict[str, Any] = {
    "id": "g",
    "citizen": "c",
    "organisation": "o",
    "client": "k",
    "purpose": "p",
    "purpose_version": 1,
    "attributes": ("city",),
    "language": "nl",
    "terms": "t",
    "granted_at": 1,
    "expires_at": 9,
    "log": "2030",
    "index": 4,
    "nonce": b"n",
    "last": 4,
}


@pytest.mark.parametrize(
    ("changed", "statement"),
    [
        ({}, "grant.step"),
        ({"sequence": 1, "last": 7, "day": 3, "disclosed_today": 2}, "grant.step"),
        ({"sequence": 1, "last": 7, "state": "withdrawn", "ended_at": 5}, "grant.move"),
        ({"last": 7, "attributes": ("city", "street")}, None),
        ({"expires_at": 12}, None),
    ],
)
def test_a_row_that_was_read_changes_by_the_narrowest_statement_that_loses_nothing(
    connection: sqlite3.Connection, changed: dict[str, Any], statement: str | None
) -> None:
    before = GRANT._row(**GRANT_FIELDS)
    after = msgspec.structs.replace(before, **changed)
    step = GRANT.step(before, after)
    assert (step and step[0]) == statement
    connection.execute("BEGIN")
    try:
        connection.execute(TEXTS[GRANT.put], GRANT.to_row(before))
        name, values = step or (GRANT.put, GRANT.to_row(after))
        connection.execute(TEXTS[name], values)
        assert [GRANT.from_row(found) for found in connection.execute(TEXTS[GRANT.get], ("g",))] == [after]
    finally:
        connection.execute("ROLLBACK")


def test_a_chain_gives_each_kind_its_own_columns(connection: sqlite3.Connection) -> None:
    grant = GRANT._row(**GRANT_FIELDS)
    token = TOKEN._row(
        hash=b"h",
        kind="access",
        client="k",
        grant="g",
        jkt="j",
        issued_at=1,
        expires_at=9,
        revoked_at=None,
        code=None,
    )
    keys = KEYS._row(citizen="c", version=1, ring_key="r", data_key=b"d", subject_key=b"s")
    connection.execute("BEGIN")
    try:
        for kind, row in ((GRANT, grant), (TOKEN, token)):
            connection.execute(TEXTS[kind.put], kind.to_row(row))
        ((*without,),) = connection.execute(TEXTS[ACCESS.get], (b"h",)).fetchall()
        connection.execute(TEXTS[KEYS.put], KEYS.to_row(keys))
        connection.execute(TEXTS[HOLDINGS.put], HOLDINGS.to_row(Holdings(citizen="c")))
        ((*whole,),) = connection.execute(TEXTS[ACCESS.get], (b"h",)).fetchall()
    finally:
        connection.execute("ROLLBACK")
    assert [kind.from_row(whole[columns]) for kind, columns in ACCESS.parts] == [
        token,
        grant,
        keys,
        Holdings(citizen="c"),
    ]
    assert [without[columns.start] is None for _, columns in ACCESS.parts] == [False, False, True, True]
