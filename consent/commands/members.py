"""Who works at the pages: an operator invites the first owner of an organisation, and other operators."""

import argparse
import os
import sys
from collections.abc import Callable
from typing import Any

from consent.commands.approvals import by_flag, on_the_house, who


def add_member_commands(
    commands: Any, organisation: Any, operator: Any, *, where: Callable[[argparse.ArgumentParser], None]
) -> None:
    """Add them to the command line; *organisation* and *operator* have other words already."""
    invite = organisation.add_parser("invite", help="a code that makes somebody a member; it is shown once")
    invite.add_argument("organisation")
    invite.add_argument("--role", required=True, help="owner, editor or clerk")
    colleague = operator.add_parser("invite", help="a code that makes somebody an operator at the pages")
    colleague.set_defaults(organisation=None, role="operator")
    for parser in (invite, colleague):
        parser.add_argument("--name", help="what the team calls her (her role)")
    member = commands.add_parser("member", help="who works at the pages").add_subparsers(required=True)
    shown = member.add_parser("list", help="who works for an organisation; without one: the operators")
    end = member.add_parser("end", help="end somebody's role, at once")
    end.add_argument("id", help="from the list")
    for parser in (shown, end):
        parser.add_argument("organisation", nargs="?")
    for parser, run in ((invite, _invite), (colleague, _invite), (shown, _list), (end, _end)):
        by_flag(parser)
        where(parser)
        parser.set_defaults(run=run)


def _invite(arguments: argparse.Namespace) -> int:
    from consent.acts.join import invite

    deed, code = invite(
        arguments.organisation,
        arguments.role,
        name=arguments.name or arguments.role,
        by=who(arguments),
        chance=os.urandom(16),
    )
    on_the_house(arguments, lambda house: house.scribe.do(deed))
    print(
        "Hand this code over in person; it is shown once. She signs in, and types it at /join.",
        file=sys.stderr,
    )
    print(code)
    return 0


def _list(arguments: argparse.Namespace) -> int:
    from consent.acts.join import team

    members, waiting = on_the_house(arguments, lambda house: team(house, arguments.organisation))
    for one in members:
        print(f"{one.id}\t{one.role}\t{one.name}")
    for invitation in waiting:
        print(f"invited\t{invitation.role}\t{invitation.name}")
    return 0


def _end(arguments: argparse.Namespace) -> int:
    from consent.acts.join import end_member

    deed = end_member(arguments.id, arguments.organisation, by=who(arguments))
    ended = on_the_house(arguments, lambda house: house.scribe.do(deed)).outcome
    print(f"{ended.name} is no {ended.role} any more")
    return 0
