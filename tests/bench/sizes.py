"""How many bytes a disclosure leaves: `python -m tests.bench.sizes [--disclosures N] [--citizens N] [--postgres]`.

The real service answers disclosures; its database is looked at after a quarter of them and after all. What it grew by
in between, divided, is what one more disclosure costs, table by table with their indexes. With --postgres the grown
database is copied with `consent copy`, and looked at there too; how fast that went is said as well.

What is deleted after minutes or a day (proofs and keys of retries, which must not be used twice) is marked: it does not
grow with the years.
"""

import argparse
import asyncio
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import asyncpg

from consent.opening import DATABASE
from consent.upkeep.copying import copy
from tests.postgres import cluster

from . import check, ground, load, measure

PASSING = ("used_proofs", "memos")  # gone after minutes, or after a day
Sizes = dict[str, int]  # bytes of a table with its indexes


def on_sqlite(file: Path) -> Sizes:
    """Of a database that nobody has open."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return dict(
            connection.execute(
                "SELECT m.tbl_name, sum(s.pgsize) FROM sqlite_master m JOIN dbstat s ON s.name = m.name "
                "GROUP BY m.tbl_name"
            )
        )


async def on_postgres(url: str) -> Sizes:
    """The same of a PostgreSQL database."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("VACUUM FULL")
        rows = await connection.fetch(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
        )
    finally:
        await connection.close()
    return dict(rows)


def answered(made: ground.Ground, count: int, folder: Path) -> int:
    """Let the service answer about so many disclosures; how many entries its log has then."""
    words = [sys.executable, "-m", "consent", "serve", "--data", str(made.folder), "--port", str(made.port)]
    core = min(os.sched_getaffinity(0))
    root = Path(__file__).resolve().parents[2]
    with measure.serving(words, port=made.port, core=core, root=root):
        left = count
        while left > 0:
            requests = [made.disclosure(number) for number in range(min(left, 2_000))]
            counted = load.drive(
                made.port, requests, again=False, connections=64, seconds=0.99, file=folder / "requests"
            )
            if counted.bad:
                raise SystemExit(f"{counted.bad} answers were not good")
            left -= counted.answers
        return check.size_of_log(made)


def table(name: str, before: Sizes, after: Sizes, entries: int) -> str:
    """Bytes an entry by table, largest first."""
    grown = {one: (after[one] - before.get(one, 0)) / entries for one in after}
    lasting = sum(size for one, size in grown.items() if one not in PASSING)
    lines = [f"{name}: bytes an entry, between the two looks ({entries} entries)"]
    for one, size in sorted(grown.items(), key=lambda item: -item[1]):
        if size >= 1:
            lines.append(f"  {one:<24}{size:>8.0f}{'  passing' if one in PASSING else ''}")
    lines.append(f"  {'what stays':<24}{lasting:>8.0f}   = {lasting / 1e3:.2f} GB a million entries")
    return "\n".join(lines)


async def both(folder: Path, earlier: Path, entries: int) -> str:
    """Copy both states to PostgreSQL and compare there."""
    with cluster() as server:
        found = []
        for data in (earlier, folder):
            url = await server.empty()
            began = time.perf_counter()
            copied = await copy(str(data), url, tell=lambda _: None)
            took = time.perf_counter() - began
            if copied.differences:
                raise SystemExit("\n".join(copied.differences))
            found.append(await on_postgres(url))
    said = f"copied and compared: {copied.rows} rows in {took:.0f} s, {copied.rows / took:.0f} a second"
    return f"{table('PostgreSQL', found[0], found[1], entries)}\n{said}"


def main() -> int:
    """Grow, look, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sizes")
    parser.add_argument("--disclosures", type=int, default=20_000)
    parser.add_argument("--citizens", type=int, default=500, help="with a grant each (500)")
    parser.add_argument("--postgres", action="store_true")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="consent-sizes-") as name:
        place = Path(name)
        data, earlier = place / "service", place / "earlier"
        made = asyncio.run(ground.prepare_ground(data, measure.free_port(), said.citizens))
        asyncio.run(ground.prepare_ground(place / "empty", made.port, 0))
        people = sum(on_sqlite(data / DATABASE).values()) - sum(
            on_sqlite(place / "empty" / DATABASE).values()
        )
        print(f"a citizen with five values and one grant: {people / said.citizens:.0f} bytes")
        first = answered(made, said.disclosures // 4, place)
        before = on_sqlite(data / DATABASE)
        subprocess.run(["cp", "-a", str(data), str(earlier)], check=True)
        entries = answered(made, said.disclosures * 3 // 4, place) - first
        print(table("SQLite", before, on_sqlite(data / DATABASE), entries))
        if said.postgres:
            print(asyncio.run(both(data, earlier, entries)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
