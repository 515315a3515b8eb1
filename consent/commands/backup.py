"""The command line of backups: where to, of how many the keys are kept, and what a restored folder has."""

import argparse
import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from consent.settings import read_settings


def add_backup_commands(commands: Any, *, where: Callable[[argparse.ArgumentParser], None]) -> None:
    """Add `consent backup` and `consent restore` to the command line; *where* adds the usual flags."""
    made = commands.add_parser("backup", help="copy the database, also while it is served; the keys apart")
    made.add_argument("folder", metavar="DIR", help="each backup is a new folder in this one")
    made.add_argument("--keep", type=int, metavar="N", help="delete the keys of all backups but the N newest")
    where(made)
    made.set_defaults(run=_backup)
    back = commands.add_parser("restore", help="make the database of a data folder from a backup")
    back.add_argument("backup", metavar="BACKUP", help="the folder of one backup")
    back.add_argument(
        "--erased", metavar="FILE", help="the newest list of who was erased; else the one beside the keys"
    )
    back.add_argument(
        "--go-on", action="store_true", help="nothing was written after this backup: the log is not frozen"
    )
    where(back)
    back.set_defaults(run=_restore)


def _backup(arguments: argparse.Namespace) -> int:
    from consent.opening import clock
    from consent.upkeep.backup import back_up

    settings = read_settings(vars(arguments))
    print(asyncio.run(back_up(settings, Path(arguments.folder), at=clock(), keep=arguments.keep)))
    return 0


def _restore(arguments: argparse.Namespace) -> int:
    from consent.opening import clock
    from consent.upkeep.backup import restore

    done = asyncio.run(
        restore(
            read_settings(vars(arguments)),
            Path(arguments.backup),
            at=clock(),
            erased=Path(arguments.erased) if arguments.erased else None,
            goes_on=arguments.go_on,
        )
    )
    when = datetime.fromtimestamp(done.manifest.made_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for log in done.manifest.logs:
        print(f"log {log.log}: {log.size} entries, as of {when}")
    for name in done.lost_logs:
        print(f"log {name}: began after this backup, and is lost; its key signs nothing any more")
    print(f"erased again: {done.erased_again}")
    if done.is_frozen:
        print(f"entries known to be lost: {done.lost}; there may be more")
        print(
            "The newest log is frozen: others may have seen more of it. `consent log succeed` opens the next."
        )
    return 0
