"""The operator's commands: who may ask, who may operate, what waits. They work on the data folder itself, also while it
is being served: whoever may read the folder is the operator, and needs no token for it."""

import argparse
import asyncio
import getpass
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from consent.settings import Settings, read_settings

T = TypeVar("T")
_Subparsers = Any  # argparse names it with an underscore


def with_house(settings: Settings, work: Callable[[Any], Awaitable[T]]) -> T:
    """Do one piece of the operator's work on the data folder, also while it is being served.

    In a folder without a service it begins one, and says so: perhaps another folder was meant.
    """
    from consent.keyfiles import has_keys
    from consent.opening import look_unless_served, open_house, prepare

    async def run() -> T:
        is_new = not has_keys(settings.folder)
        store = await prepare(settings)
        if is_new:
            print(
                f"consent: a new service begins in {settings.folder}; for another one give --data",
                file=sys.stderr,
            )
        try:
            house = await open_house(settings, store)
            await look_unless_served(house, settings)
            house.scribe.start()
            try:
                return await work(house)
            finally:
                await house.scribe.stop()
        finally:
            await store.close()

    return asyncio.run(run())


def add_operator_commands(
    commands: _Subparsers, organisation: _Subparsers, *, where: Callable[[argparse.ArgumentParser], None]
) -> _Subparsers:
    """Add all of them to the command line; *organisation* has other words already, *where* adds the usual flags.

    Returns the words of `consent operator`, to add others to.
    """
    client = commands.add_parser("client", help="which programs ask").add_subparsers(required=True)
    purpose = commands.add_parser("purpose", help="what for").add_subparsers(required=True)
    for kind, words in (("organisation", organisation), ("client", client), ("purpose", purpose)):
        _add_standing(kind, words, where)
    registration = commands.add_parser("registration", help="let developers register clients").add_subparsers(
        required=True
    )
    invite = registration.add_parser("token", help="an initial access token; it is shown once")
    invite.add_argument("organisation")
    invite.add_argument("--clients", type=int, default=1, help="for how many clients (1, at most 20)")
    invite.add_argument("--days", type=int, default=7, help="how long it works (7, at most 30)")
    by_flag(invite)
    where(invite)
    invite.set_defaults(run=_registration_token)
    operator = commands.add_parser("operator", help="who operates, and what was done").add_subparsers(
        required=True
    )
    token = operator.add_parser("token", help="make a token for the operator's API; it is shown once")
    token.add_argument("name", help="who will use it")
    token.add_argument(
        "--scope",
        action="append",
        required=True,
        help="read, decide, suspend, register or audit; may be given again",
    )
    token.add_argument("--days", type=int, default=30, help="how long it works (30, at most 90)")
    end = operator.add_parser("end", help="end all tokens of an operator, at once")
    end.add_argument("name")
    shown = operator.add_parser("journal", help="what operators did, newest first")
    for parser, run in ((token, _operator_token), (end, _operator_end), (shown, _journal)):
        by_flag(parser)
        where(parser)
        parser.set_defaults(run=run)
    return operator


def _add_standing(kind: str, words: _Subparsers, where: Callable[[argparse.ArgumentParser], None]) -> None:
    a = f"an {kind}" if kind == "organisation" else f"a {kind}"
    listed = words.add_parser("list", help=f"every {kind}, how it stands and what waits")
    listed.add_argument("--waiting", action="store_true", help="only what waits for a decision")
    where(listed)
    listed.set_defaults(run=_list, kind=kind)
    for word, about in (
        ("suspend", f"suspend {a}; takes effect before the next disclosure"),
        ("restore", f"give {a} that was suspended its approval back"),
    ):
        change = words.add_parser(word, help=about)
        change.add_argument("id", help="its id" + (", or id@version" if kind == "purpose" else ""))
        change.add_argument("--note", default="", help="why, for the journal")
        by_flag(change)
        where(change)
        change.set_defaults(run=_standing, kind=kind, word=word)
    show = words.add_parser("show", help=f"all that was submitted for {a}, and what is in effect")
    show.add_argument("id", help="its id" + (", as id@version" if kind == "purpose" else ""))
    where(show)
    show.set_defaults(run=_show, kind=kind)
    if kind != "organisation":
        _add_deciding(kind, words, where)


def _add_deciding(kind: str, words: _Subparsers, where: Callable[[argparse.ArgumentParser], None]) -> None:
    what = "its id" if kind == "client" else "id@version"
    for word, about in (
        ("approve", f"put a {kind} in effect that waits, exactly as you looked at it"),
        ("refuse", f"say no to a {kind} that waits; the organisation reads your note"),
    ):
        decide = words.add_parser(word, help=about)
        decide.add_argument("id", help=what)
        if kind == "client":
            decide.add_argument("--revision", type=int, required=True, help="the one that you looked at")
        decide.add_argument("--note", default="", required=word == "refuse", help="why")
        by_flag(decide)
        where(decide)
        decide.set_defaults(run=_decide, kind=kind, word=word)
    if kind == "client":
        keys = words.add_parser("keys", help="give a client these public keys and no others, at once")
        keys.add_argument("id")
        keys.add_argument("file", metavar="FILE", help='a JWK Set: {"keys": […]}')
        token = words.add_parser("token", help="another registration token for a client; the old one is dead")
        token.add_argument("id")
        for parser, run in ((keys, _client_keys), (token, _client_token)):
            by_flag(parser)
            where(parser)
            parser.set_defaults(run=run)


def by_flag(parser: argparse.ArgumentParser) -> None:
    """Add the flag that says who acts."""
    parser.add_argument(
        "--by", metavar="NAME", help="who acts, for the journal (the name you logged in with)"
    )


def who(arguments: argparse.Namespace) -> Any:
    """Who acts, for the journal. Raises BadInput."""
    from consent.acts.operate import operator

    return operator(arguments.by or getpass.getuser())


def on_the_house(arguments: argparse.Namespace, work: Callable[[Any], Awaitable[T]]) -> T:
    """Do one piece of work on the data folder that the flags name."""
    return with_house(read_settings(vars(arguments)), work)


def _list(arguments: argparse.Namespace) -> int:
    from consent.acts.oversee import listing

    found = on_the_house(arguments, lambda house: listing(house, arguments.kind, waiting=arguments.waiting))
    for one in found:
        waits = f", waits (revision {one.revision})" if one.revision else ", waits"
        print(f"{one.id}\t{one.status}{waits if one.waits else ''}\t{one.organisation}\t{one.name}")
    return 0


def _standing(arguments: argparse.Namespace) -> int:
    from consent.acts.suspend import restore, subject, suspend

    change = suspend if arguments.word == "suspend" else restore
    deed = change(subject(arguments.kind, arguments.id), by=who(arguments), note=arguments.note)
    done = on_the_house(arguments, lambda house: house.scribe.do(deed)).outcome
    print(f"{done.subject} is {done.status}{'' if done.changed else ' already'}")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    import msgspec

    from consent.acts.oversee import look
    from consent.acts.suspend import subject

    about = subject(arguments.kind, arguments.id)
    found = on_the_house(arguments, lambda house: look(house, about))
    print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    return 0


def _decide(arguments: argparse.Namespace) -> int:
    from consent.acts import admit
    from consent.acts.suspend import subject
    from consent.words.errors import BadInput

    by, about = who(arguments), subject(arguments.kind, arguments.id)
    is_yes = arguments.word == "approve"
    if arguments.kind == "client":
        decide = admit.approve_client if is_yes else admit.refuse_client
        deed = decide(about.id, arguments.revision, by=by, note=arguments.note)
    elif about.version is None:
        raise BadInput("name one version of the purpose as id@version")
    else:
        judge = admit.approve_purpose if is_yes else admit.refuse_purpose
        deed = judge(about.id, about.version, by=by, note=arguments.note)
    on_the_house(arguments, lambda house: house.scribe.do(deed))
    print(f"{about.reference} is {'approved' if is_yes else 'refused'}")
    return 0


def _client_keys(arguments: argparse.Namespace) -> int:
    import msgspec

    from consent.acts.admit import replace_keys
    from consent.oauth.jose import check_public_jwks
    from consent.words.errors import BadInput

    try:
        document = msgspec.json.decode(Path(arguments.file).read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        raise BadInput("the file cannot be read as a JWK Set") from None
    deed = replace_keys(arguments.id, check_public_jwks(document), by=who(arguments))
    on_the_house(arguments, lambda house: house.scribe.do(deed))
    print(f"{arguments.id} has these keys now and no others")
    return 0


def _client_token(arguments: argparse.Namespace) -> int:
    from consent.acts.admit import renew_token

    deed, token = renew_token(arguments.id, by=who(arguments), chance=os.urandom(32))
    on_the_house(arguments, lambda house: house.scribe.do(deed))
    return _hand_over(token)


def _registration_token(arguments: argparse.Namespace) -> int:
    from consent.acts.admit import invite
    from consent.opening import clock
    from consent.words.instants import DAY

    deed, token = invite(
        arguments.organisation,
        clients=arguments.clients,
        expires_at=clock() + arguments.days * DAY,
        by=who(arguments),
        chance=os.urandom(32),
    )
    on_the_house(arguments, lambda house: house.scribe.do(deed))
    return _hand_over(token)


def _hand_over(token: str) -> int:
    print("Hand this token over in person; it is shown once.", file=sys.stderr)
    print(token)
    return 0


def _operator_token(arguments: argparse.Namespace) -> int:
    from consent.acts.operate import let_in
    from consent.opening import clock
    from consent.words.instants import DAY

    deed, token = let_in(
        arguments.name,
        arguments.scope,
        by=who(arguments),
        expires_at=clock() + arguments.days * DAY,
        chance=os.urandom(32),
    )
    on_the_house(arguments, lambda house: house.scribe.do(deed))
    return _hand_over(token)


def _operator_end(arguments: argparse.Namespace) -> int:
    from consent.acts.operate import shut_out

    deed = shut_out(arguments.name, by=who(arguments))
    ended = on_the_house(arguments, lambda house: house.scribe.do(deed)).outcome
    print(f"{ended} {'token' if ended == 1 else 'tokens'} of {arguments.name} ended")
    return 0


def _journal(arguments: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from consent.acts.oversee import journal

    for line in on_the_house(arguments, journal):
        moment = datetime.fromtimestamp(line.at / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        note = f"\t{line.note}" if line.note else ""
        print(f"{moment}\t{line.operator}\t{line.act}\t{line.kind}\t{line.subject}{note}")
    return 0
