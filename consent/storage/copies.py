"""A copy of an SQLite database in two files of one instant: the citizens' keys in one, all the rest in the other."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from consent.words.errors import Misconfigured

KEYS = "citizen_keys"


def copy_apart(database: Path, data: Path, keys: Path) -> None:
    """Copy *database*, also while it is written, into two new files. Raises Misconfigured, and then they are no copy.

    One read transaction sees it all, so no row of one file is older than a row of the other. The keys are never
    written to the first file, so no page of it holds what is left of them.
    """
    for file in (data, keys):
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with _open(data) as connection:
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute("PRAGMA busy_timeout=10000")
        connection.execute("ATTACH ? AS source", (_address(database, "rw"),))  # WAL cannot be read with less
        connection.execute("ATTACH ? AS apart", (_address(keys, "rw"),))
        connection.execute("PRAGMA apart.journal_mode=OFF")
        connection.execute("BEGIN")
        made = connection.execute(
            "SELECT type, name, sql FROM source.sqlite_master WHERE sql IS NOT NULL AND substr(name, 1, 7) <> 'sqlite_'"
        ).fetchall()
        for _, name, text in (one for one in made if one[0] == "table"):
            connection.execute(text)
            if name == KEYS:
                connection.execute(f"CREATE TABLE apart.{KEYS} AS SELECT * FROM source.{KEYS}")  # noqa: S608
            else:
                connection.execute(f'INSERT INTO main."{name}" SELECT * FROM source."{name}"')  # noqa: S608
        for _, _, text in (one for one in made if one[0] != "table"):
            connection.execute(text)
        connection.execute("COMMIT")


def join(data: Path, keys: Path, database: Path) -> set[str]:
    """Make *database*, a new file, of both parts; returns the names of the ring's keys that it needs.

    Raises Misconfigured.
    """
    os.close(os.open(database, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    shutil.copyfile(data, database)
    with _open(database) as connection:
        connection.execute("PRAGMA secure_delete=ON")
        connection.execute("ATTACH ? AS apart", (_address(keys, "ro"),))
        connection.execute(f"INSERT INTO main.{KEYS} SELECT * FROM apart.{KEYS}")  # noqa: S608
        return {name for (name,) in connection.execute(f"SELECT DISTINCT ring_key FROM main.{KEYS}")}  # noqa: S608


@contextmanager
def _open(file: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(_address(file, "rw"), uri=True, isolation_level=None)) as connection:
            yield connection
    except sqlite3.Error as fault:
        code = getattr(fault, "sqlite_errorname", "unknown error")
        raise Misconfigured(f"the database cannot be copied ({code})") from None


def _address(file: Path, mode: str) -> str:
    return f"{file.absolute().as_uri()}?mode={mode}"
