"""The command that says how many bytes a disclosure leaves runs on a small database, and looks at all of it."""

import subprocess
import sys
from pathlib import Path

from consent.opening import DATABASE
from tests.bench import sizes
from tests.world import World

ROOT = Path(__file__).resolve().parents[2]


async def test_the_bytes_of_all_tables_together_are_the_file(world: World) -> None:
    file = Path(world.settings.data) / DATABASE
    found = sizes.on_sqlite(file)
    assert found["log_entries"] > 0
    whole = file.stat().st_size
    assert 0 <= whole - sum(found.values()) < 100_000  # pages that nobody uses now


def test_a_small_database_is_grown_and_measured() -> None:
    words = [sys.executable, "-m", "tests.bench.sizes", "--disclosures", "40", "--citizens", "2"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "between the two looks (30 entries)" in done.stdout
