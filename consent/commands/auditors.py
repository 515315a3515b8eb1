"""`consent auditor`: who may open entries of the log, for which organisation and period, why, and until when."""

import argparse
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from consent.commands.approvals import by_flag, on_the_house, who
from consent.words.errors import BadInput


def add_auditor_commands(commands: Any, *, where: Callable[[argparse.ArgumentParser], None]) -> None:
    """Add them to the command line; *where* adds the usual flags."""
    auditor = commands.add_parser("auditor", help="who may open entries").add_subparsers(required=True)
    add = auditor.add_parser(
        "add", help="give an auditor a token for one organisation, one period, one reason"
    )
    add.add_argument("auditor", help="a name for the operator's own list")
    add.add_argument("--organisation", required=True)
    add.add_argument("--from", dest="begin", required=True, metavar="YYYY-MM-DD")
    add.add_argument(
        "--until", dest="end", required=True, metavar="YYYY-MM-DD", help="the day after the last"
    )
    add.add_argument("--reason", required=True, help="kept here; the log shows its hash")
    add.add_argument("--days", type=int, default=14, help="how long the token works (14, at most 90)")
    shown = auditor.add_parser("list", help="everybody who was let in, and whose token works")
    end = auditor.add_parser("end", help="end all tokens of an auditor, at once")
    end.add_argument("auditor")
    for parser, run in ((add, _add), (shown, _list), (end, _end)):
        by_flag(parser)
        where(parser)
        parser.set_defaults(run=run)


def _add(arguments: argparse.Namespace) -> int:
    from consent.acts.audit import admit
    from consent.opening import clock
    from consent.words.instants import DAY

    deed, token = admit(
        auditor=arguments.auditor,
        organisation=arguments.organisation,
        from_at=day_from(arguments.begin),
        until_at=day_from(arguments.end),
        reason=arguments.reason,
        expires_at=clock() + arguments.days * DAY,
        by=who(arguments),
        chance=os.urandom(32),
    )
    on_the_house(arguments, lambda house: house.scribe.do(deed))
    print("Hand this token over in person; it is shown once.", file=sys.stderr)
    print(token)
    return 0


def _list(arguments: argparse.Namespace) -> int:
    from consent.acts.audit import admitted
    from consent.opening import clock

    now = clock()
    for one in on_the_house(arguments, admitted):
        state = "ended" if one.ended_at is not None else "works" if now < one.expires_at else "expired"
        period = f"{_written(one.from_at)}..{_written(one.until_at)}"
        until = _written(one.expires_at)
        print(f"{one.auditor}\t{one.organisation}\t{period}\t{state}\tuntil {until}\t{one.reason}")
    return 0


def _end(arguments: argparse.Namespace) -> int:
    from consent.acts.audit import shut_out

    deed = shut_out(arguments.auditor, by=who(arguments))
    ended = on_the_house(arguments, lambda house: house.scribe.do(deed)).outcome
    print(f"{ended} {'token' if ended == 1 else 'tokens'} of {arguments.auditor} ended")
    return 0


def day_from(text: str) -> int:
    """The first instant (microseconds) of a day in UTC. Raises BadInput."""
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()) * 1_000_000
    except ValueError:
        raise BadInput("write a day as YYYY-MM-DD") from None


def _written(at: int) -> str:
    return datetime.fromtimestamp(at / 1_000_000, UTC).strftime("%Y-%m-%d")
