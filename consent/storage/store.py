"""The contract of a store: what it promises when a call returns.

A **batch** is a generator that yields `Statement`s and is sent the rows of each. A store runs it in one write
transaction and keeps these promises:

1. No two batches overlap: each sees all that the one before it wrote. (SQLite: BEGIN IMMEDIATE. PostgreSQL: the
   batch's first statement locks the head row.)
2. When `write` returns, what the batch wrote is on disk and survives a power cut (synchronous=FULL or on).
3. When `write` raises, nothing of the batch was written - or, if the connection was lost during the commit, its
   fate is unknown and `Unknown` is raised. The batch is never half written. `Unavailable` says that the engine
   itself can write nothing now (a full disk, a lock that another process holds).
4. A caller that is cancelled does not stop the batch.
5. `read` sees some committed state, never an open transaction. It decides nothing: permission is only ever read in
   a batch.

A `Statement` names a text in `sql/*.sql` and brings one or more rows of parameters. A reading statement is asked
once for each row of parameters and answers with all rows found, in that order; a writing one is executed for each.
"""

import hashlib
import re
from collections.abc import Generator, Mapping, Sequence
from importlib.resources import files
from typing import Any, NamedTuple, Protocol, TypeVar

from consent.words.errors import Misconfigured, Overloaded

T = TypeVar("T")
Row = tuple[Any, ...]


class Unavailable(Overloaded):
    """The engine can write nothing now; nothing was written."""


class Unknown(Overloaded):
    """The answer to a commit was lost: all of the batch was written, or nothing. A retry with the same key tells."""


class Statement(NamedTuple):
    """A named text of `sql/*.sql` with its rows of parameters."""

    name: str
    rows: Sequence[Row]


Batch = Generator[Statement, list[Row], T]


class Store(Protocol):
    """What every engine does. See the promises above."""

    async def write(self, batch: Batch[T]) -> T:
        """Run *batch* in one durable transaction and return what it returned."""
        ...

    async def read(self, name: str, *parameters: Any) -> list[Row]:
        """The rows of one reading statement, from a committed state."""
        ...

    async def scrub(self) -> bool:
        """Make what was deleted unreadable in the files as well; False when somebody still reads: then try again."""
        ...

    async def close(self) -> None:
        """Let go of the database. Nothing that was promised is lost."""
        ...


_NAMED = re.compile(r"^-- name: ([a-z_]+\.[a-z_]+)\n(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)


def statements() -> Mapping[str, str]:
    """All texts of `sql/*.sql` by name, with `$n` parameters. Raises ValueError on a name that stands twice."""
    found: dict[str, str] = {}
    for file in sorted(files("consent.storage").joinpath("sql").iterdir(), key=lambda f: f.name):
        for name, text in _NAMED.findall(file.read_text("utf-8")):
            if name in found:
                raise ValueError(f"two statements are called {name}")
            found[name] = text.strip().rstrip(";")
    return found


# A SELECT that means the same for many rows of parameters: plain columns, and nothing counted or cut off.
PLAIN_SELECT = re.compile(
    r"SELECT (?!DISTINCT)[\w\s,.]+?\sFROM (?!.*\b(ORDER BY|GROUP BY|LIMIT|UNION)\b)", re.DOTALL
)

Waiting = tuple[int, str]  # the number of a migration and its text


def waiting_migrations(applied: Mapping[int, str]) -> list[Waiting]:
    """The migrations that a database still lacks, which has those with these digests.

    Raises Misconfigured when it is newer than this version of the service, or was made by other texts.
    """
    known = migrations()
    if applied and max(applied) > max(version for version, _ in known):
        raise Misconfigured("the database is newer than this version of the service")
    for version, text in known:
        if applied.get(version, digest_of(text)) != digest_of(text):
            raise Misconfigured(f"migration {version:04} is not the one that made this database")
    return [(version, text) for version, text in known if version not in applied]


def digest_of(migration: str) -> str:
    """By which a database remembers the text of a migration."""
    return hashlib.sha256(migration.encode()).hexdigest()


def spelt(migration: str, spelling: Mapping[str, str]) -> str:
    """The text of a migration in an engine's own spelling of the words that it leaves open."""
    for word, written in spelling.items():
        migration = migration.replace(word, written)
    return migration


def migrations() -> list[tuple[int, str]]:
    """The numbered texts of `migrations/`, in order, with {int}, {blob}, {strict} and {by_key} still in them."""
    texts = []
    for file in sorted(files("consent.storage").joinpath("migrations").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".sql"):
            texts.append((int(file.name[:4]), file.read_text("utf-8")))
    return texts
