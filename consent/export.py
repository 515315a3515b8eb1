"""The log as a folder of static files that any web server can serve: C2SP tlog-tiles, with the policy beside it."""

from pathlib import Path

from consent.acts import publish
from consent.acts.house import House
from consent.ledger.checkpoint import parse_body, parse_note
from consent.ledger.paths import format_tile_path
from consent.ledger.tiles import TILE_WIDTH, tile_width


async def export_log(house: House, log: str, folder: Path) -> tuple[int, Path]:
    """Write all tiles, bundles, the checkpoint and the policy; returns the size and the folder.

    The checkpoint is written last: whoever copies the folder meanwhile never sees one without its tiles. Full tiles
    that are there already are left alone: they never change.
    """
    note = await publish.checkpoint(house, log)
    size = parse_body(parse_note(note).body).size
    for n in range((size + TILE_WIDTH - 1) // TILE_WIDTH):
        width = min(TILE_WIDTH, size - n * TILE_WIDTH)
        path = folder / format_tile_path(None, n, width)
        if width < TILE_WIDTH or not path.exists():
            _write(path, await publish.bundle(house, log, n, width))
    level, count = 0, size
    while count:
        for n in range((count + TILE_WIDTH - 1) // TILE_WIDTH):
            width = tile_width(level, n, size)
            path = folder / format_tile_path(level, n, width)
            if width < TILE_WIDTH or not path.exists():
                _write(path, await publish.tile(house, log, level, n, width))
        level, count = level + 1, count // TILE_WIDTH
    _write(folder / "policy", (await publish.policy(house, log)).encode())
    _write(folder / "vkey", f"{(await publish.keys(house, log))[0].key}\n".encode())
    _write(folder / "checkpoint", note.encode())
    return size, folder


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(content)
    temporary.replace(path)
