"""`consent guardian`: a parent may act for a child, once a desk has seen the papers."""

import argparse
import sys
from collections.abc import Callable
from datetime import date
from typing import Any

from consent.commands.approvals import by_flag, on_the_house, who
from consent.words.errors import BadInput


def add_guardian_commands(commands: Any, *, where: Callable[[argparse.ArgumentParser], None]) -> None:
    """Add them to the command line; *where* adds the usual flags."""
    guardian = commands.add_parser("guardian", help="who acts for a child").add_subparsers(required=True)
    add = guardian.add_parser("add", help="an account for a child, and a code for the parent")
    add.add_argument(
        "--born", required=True, metavar="YYYY-MM-DD", help="the child's birth date, from its papers"
    )
    add.add_argument("--parent", required=True, metavar="NAME", help="what the child calls the parent")
    add.add_argument("--child", required=True, metavar="NAME", help="what the parent calls the child")
    add.add_argument(
        "--code",
        default="",
        metavar="WORDS",
        help="seven words that the child made at its own account; without it, it gets an account",
    )
    add.add_argument(
        "--beside",
        default="",
        metavar="MANDATE",
        help="another parent of the same child: the mandate of the first",
    )
    words = guardian.add_parser("words", help="words on paper with which a child of 12 or older signs in")
    words.add_argument("mandate", help="as `consent guardian add` named it")
    for parser, run in ((add, _add), (words, _words)):
        parser.add_argument("--language", choices=("nl", "en"), default="nl", help="of the words (nl)")
        by_flag(parser)
        where(parser)
        parser.set_defaults(run=run)


def _add(arguments: argparse.Namespace) -> int:
    from consent.acts.entrust import entrust

    try:
        born = date.fromisoformat(arguments.born)
    except ValueError:
        raise BadInput("write a day as YYYY-MM-DD") from None
    by = who(arguments)
    made = on_the_house(
        arguments,
        lambda house: entrust(
            house,
            born=born,
            parent=arguments.parent,
            child=arguments.child,
            by=by,
            language=arguments.language,
            shown=arguments.code,
            beside=arguments.beside,
        ),
    )
    print("Hand these words to the parent; they are shown once and work for seven days.", file=sys.stderr)
    print(f"mandate {made.id}")
    print(made.code)
    return 0


def _words(arguments: argparse.Namespace) -> int:
    from consent.acts.entrust import words_for_child

    by = who(arguments)
    words = on_the_house(
        arguments,
        lambda house: words_for_child(house, mandate=arguments.mandate, by=by, language=arguments.language),
    )
    print("Hand these words to the child itself; they are shown once and work once.", file=sys.stderr)
    print(words)
    return 0
