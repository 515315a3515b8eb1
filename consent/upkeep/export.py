"""The log as a folder of static files that any web server can serve: C2SP tlog-tiles, with the policy beside it."""

import os
from pathlib import Path

from consent.acts import publish
from consent.acts.house import House
from consent.ledger.checkpoint import Checkpoint, parse_body, parse_note
from consent.ledger.errors import LedgerError
from consent.ledger.paths import format_tile_path
from consent.ledger.tiles import TILE_WIDTH, tile_width
from consent.words.errors import Misconfigured


async def export_log(house: House, log: str, folder: Path) -> tuple[int, Path]:
    """Write what is new: tiles, bundles, the policy and then the checkpoint; returns the size and the folder.

    The checkpoint is written last, and each file appears whole or not at all: whoever reads the folder meanwhile, or
    after a crash, never sees a checkpoint without its tiles. A tile that is there stays as it is, a partial one too:
    its name says how much it holds. Raises Misconfigured when the folder has another log, or a longer one.
    """
    note = await publish.checkpoint(house, log)
    said = parse_body(parse_note(note).body)
    _check_goes_on(folder / "checkpoint", said)
    for n in range((said.size + TILE_WIDTH - 1) // TILE_WIDTH):
        width = min(TILE_WIDTH, said.size - n * TILE_WIDTH)
        path = folder / format_tile_path(None, n, width)
        if not path.exists():
            _write(path, await publish.bundle(house, log, n, width))
    level, count = 0, said.size
    while count:
        for n in range((count + TILE_WIDTH - 1) // TILE_WIDTH):
            width = tile_width(level, n, said.size)
            path = folder / format_tile_path(level, n, width)
            if not path.exists():
                _write(path, await publish.tile(house, log, level, n, width))
        level, count = level + 1, count // TILE_WIDTH
    live = [key for key in await publish.keys(house, log) if key.retired is None]
    _write(folder / "policy", (await publish.policy(house, log)).encode())
    _write(folder / "keys", (await publish.changes_of_keys(house, log)).encode())
    _write(folder / "vkey", f"{next(key.key for key in live if not publish.is_second(key))}\n".encode())
    _write(folder / "checkpoint", note.encode())
    return said.size, folder


async def export_all(house: House, folder: Path) -> list[tuple[int, Path]]:
    """Every log of the service in a folder of its own name. Raises Misconfigured as `export_log` does."""
    names = await publish.logs(house)
    written = [await export_log(house, name, folder / name) for name in names]
    _write(folder / "names", "".join(f"{name}\n" for name in names).encode())
    return written


def _check_goes_on(published: Path, now: Checkpoint) -> None:
    """A log that lost entries, restored from a backup perhaps, must not quietly replace what readers have seen."""
    if not published.exists():
        return
    try:
        before = parse_body(parse_note(published.read_text("utf-8")).body)
    except (LedgerError, UnicodeDecodeError):
        raise Misconfigured(
            "the folder has a checkpoint that cannot be read; publish into another one"
        ) from None
    if before.origin != now.origin:
        raise Misconfigured("the folder has another log; publish into another one")
    if before.size > now.size or (before.size == now.size and before.root != now.root):
        raise Misconfigured(
            "the folder has a checkpoint that this log does not lead to; keep it, it is evidence"
        )


def _write(path: Path, content: bytes) -> None:
    """Let *path* have *content*, at once and for good; a file that has it already is left alone."""
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
