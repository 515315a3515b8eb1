"""The command line of `consent copy`."""

import argparse
import asyncio
import sys
from typing import Any


def add_copy_command(commands: Any) -> None:
    """Add `consent copy` to the command line."""
    words = commands.add_parser(
        "copy", help="copy the database of a stopped service into another, and check it"
    )
    words.add_argument(
        "--from", dest="source", metavar="URL", required=True, help="a data folder or postgresql://…"
    )
    words.add_argument("--to", dest="target", metavar="URL", required=True, help="one with nothing in it yet")
    words.set_defaults(run=_copy)


def _copy(arguments: argparse.Namespace) -> int:
    from consent.upkeep.copying import copy

    found = asyncio.run(copy(arguments.source, arguments.target, tell=lambda line: print(line, flush=True)))
    for difference in found.differences:
        print(f"consent: {difference}", file=sys.stderr)
    if found.differences:
        print("consent: the copy is not the source; throw it away", file=sys.stderr)
        return 1
    for log in found.logs:
        print(f"log {log}, which lead to its signed checkpoint")
    print(f"The copy is whole: {found.tables} tables, {found.rows} rows, each as in the source.")
    print("Key files are not copied. From now on serve one of the two only.")
    return 0
