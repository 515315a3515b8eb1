"""The command line: serve, migrate, doctor, backup, organisation, key, ring, log, verify, scan and more."""

import argparse
import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from consent import __version__
from consent.commands.approvals import add_operator_commands, with_house
from consent.commands.auditors import add_auditor_commands
from consent.commands.backup import add_backup_commands
from consent.commands.copying import add_copy_command
from consent.commands.doctor import add_doctor_command
from consent.commands.guardians import add_guardian_commands
from consent.commands.keys import add_key_commands
from consent.commands.log_keys import add_log_key_commands
from consent.commands.members import add_member_commands
from consent.commands.ring import add_ring_commands
from consent.commands.witness import add_witness_command
from consent.settings import Settings, read_settings
from consent.words.errors import ConsentError


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code. Known problems are one plain line, never a traceback."""
    words = sys.argv[1:] if argv is None else argv
    if words[:1] in (["verify"], ["scan"]):
        return _as_an_outsider(words)
    arguments = _parser().parse_args(words)
    try:
        code: int = arguments.run(arguments)
    except ConsentError as problem:
        print(f"consent: {problem}", file=sys.stderr)
        return 2
    except PermissionError as problem:
        print(
            f"consent: this user may not use {problem.filename}; give the command as the one whom it belongs to",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="consent",
        description="The person decides; every disclosure is an entry that outsiders can verify.",
    )
    parser.add_argument("--version", action="version", version=f"consent {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="serve the service; the first start makes everything it needs")
    _where(serve)
    serve.add_argument("--host", help="address to listen on (127.0.0.1)")
    serve.add_argument("--look", metavar="FOLDER", help="a look of your own: theme.css, mark.svg, fonts")
    serve.add_argument("--workers", type=int, help="processes, on PostgreSQL (1)")
    serve.add_argument("--sandbox", action="store_const", const=True, help="persona buttons; loopback only")
    serve.add_argument("--seed", metavar="FILE", help="organisations, clients, purposes, personas")
    serve.set_defaults(run=_serve)

    migrate = commands.add_parser("migrate", help="bring a PostgreSQL database up to date with this version")
    _where(migrate)
    migrate.set_defaults(run=_migrate)

    demo = commands.add_parser("demo", help="play the main story, then keep serving to go on by hand")
    demo.add_argument("--port", type=int, default=8000)
    demo.add_argument("--data", metavar="DIR", help="data folder (a new temporary one)")
    demo.add_argument("--check", action="store_true", help="play, verify, exit 0 or 1")
    demo.set_defaults(run=_demo)

    organisation = commands.add_parser("organisation", help="who may ask").add_subparsers(required=True)
    add = organisation.add_parser("add", help="add and approve an organisation, its clients and purposes")
    add.add_argument("file", metavar="FILE")
    _where(add)
    add.set_defaults(run=_organisation_add)
    operator = add_operator_commands(commands, organisation, where=_where)
    add_member_commands(commands, organisation, operator, where=_where)

    add_key_commands(commands, where=_where)
    add_ring_commands(commands, where=_where)

    signals = commands.add_parser("signals", help="what organisations had to hear").add_subparsers(
        required=True
    )
    listed = signals.add_parser("list", help="what is not acknowledged, or not stated to be deleted")
    listed.add_argument("--overdue", action="store_true", help="only what should have been by now")
    _where(listed)
    listed.set_defaults(run=_signals_list)
    resend = signals.add_parser("resend", help="try an undelivered signal again, from now on")
    resend.add_argument("id")
    _where(resend)
    resend.set_defaults(run=_signals_resend)

    add_auditor_commands(commands, where=_where)
    add_guardian_commands(commands, where=_where)

    log = commands.add_parser("log", help="the signed log").add_subparsers(required=True)
    init = log.add_parser("init", help="begin a new log, on purpose")
    init.add_argument("--name", help="name of the log (this year)")
    _where(init)
    init.set_defaults(run=_log_init)
    add_log_key_commands(log, where=_where)
    succeed = log.add_parser("succeed", help="put another log in the place of the one that is written now")
    succeed.add_argument("--name", help="name of the log (this year, with a letter)")
    succeed.add_argument(
        "--carry",
        action="store_true",
        help="carry running grants over although entries, perhaps stops, were lost",
    )
    _where(succeed)
    succeed.set_defaults(run=_log_succeed)
    beside = log.add_parser(
        "add", help="put a log beside those that are written now, for a part of the citizens"
    )
    _where(beside)
    beside.set_defaults(run=_log_add)
    export = log.add_parser("export", help="write the log as static files")
    export.add_argument("folder", metavar="DIR")
    export.add_argument("--log", help="which log (the newest)")
    export.add_argument("--all", action="store_true", help="every log, each in a folder of its own name")
    _where(export)
    export.set_defaults(run=_log_export)

    keep = log.add_parser("retain", help="delete what opens the entries from before a day")
    keep.add_argument("--before", required=True, metavar="YYYY-MM-DD", help="the first day that is kept")
    keep.add_argument("--by", metavar="NAME", help="who acts, for the journal (the name you logged in with)")
    _where(keep)
    keep.set_defaults(run=_log_retain)

    add_backup_commands(commands, where=_where)
    add_doctor_command(commands, where=_where)
    add_copy_command(commands)

    verify = commands.add_parser("verify", help="verify a log as an outsider does", add_help=False)
    verify.add_argument("rest", nargs=argparse.REMAINDER)

    scan = commands.add_parser(
        "scan", help="find your own entries in a log, as an outsider does", add_help=False
    )
    scan.add_argument("rest", nargs=argparse.REMAINDER)

    add_witness_command(commands)

    openapi = commands.add_parser("openapi", help="print openapi.yaml")
    openapi.set_defaults(run=_openapi)
    return parser


def _where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="DIR", help="data folder (consent-data)")
    parser.add_argument(
        "--database", metavar="URL", help="postgresql://…, instead of a file in the data folder"
    )
    parser.add_argument("--port", type=int, help="port (8000)")
    parser.add_argument(
        "--issuer", metavar="URL", help="the address people use, behind a proxy that does TLS"
    )
    parser.add_argument("--settings", metavar="FILE", help="a TOML file with settings")


def _settings(arguments: argparse.Namespace) -> Settings:
    return read_settings(vars(arguments))


def _serve(arguments: argparse.Namespace) -> int:
    from consent.serve import serve

    return serve(_settings(arguments))


def _migrate(arguments: argparse.Namespace) -> int:
    from consent.opening import prepare

    async def migrate() -> None:
        await (await prepare(_settings(arguments), migrate=True)).close()

    asyncio.run(migrate())
    print("The database is up to date.")
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from consent.demo import demo

    return demo(port=arguments.port, data=arguments.data, check=arguments.check)


def _organisation_add(arguments: argparse.Namespace) -> int:
    from consent.planting import add_organisation
    from consent.seed import read_organisation

    file = read_organisation(Path(arguments.file))
    with_house(_settings(arguments), lambda house: add_organisation(house, file))
    purposes = ", ".join(purpose.reference for purpose in file.purposes)
    print(f"{file.organisation.name} is approved for: {purposes or 'no purpose yet'}")
    return 0


def _signals_list(arguments: argparse.Namespace) -> int:
    from consent.acts.answers import unanswered

    lines = with_house(_settings(arguments), lambda house: unanswered(house, only_late=arguments.overdue))
    for line in lines:
        when = datetime.fromtimestamp(line.at // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        why = f" ({line.failure}, {line.tries} tries)" if line.failure else ""
        print(f"{when}  {line.standing:<9}  {line.event:<9}  {line.client}  grant {line.grant}{why}", end="")
        print(f"  signal {line.signal}" if line.signal else "")
    print(f"{len(lines)} without an answer" + (" in time" if arguments.overdue else ""))
    return 0


def _signals_resend(arguments: argparse.Namespace) -> int:
    from consent.acts.signal import send_again

    with_house(_settings(arguments), lambda house: house.scribe.do(send_again(arguments.id)))
    print("It is sent again from now on.")
    return 0


def _log_init(arguments: argparse.Namespace) -> int:
    from consent.opening import begin_on_purpose

    print(asyncio.run(begin_on_purpose(_settings(arguments), arguments.name)))
    return 0


def _log_succeed(arguments: argparse.Namespace) -> int:
    from consent.opening import succeed_on_purpose

    print(asyncio.run(succeed_on_purpose(_settings(arguments), arguments.name, carry=arguments.carry)))
    return 0


def _log_add(arguments: argparse.Namespace) -> int:
    from consent.opening import add_on_purpose

    print(asyncio.run(add_on_purpose(_settings(arguments))))
    return 0


def _log_export(arguments: argparse.Namespace) -> int:
    from consent.upkeep.export import export_all, export_log

    folder = Path(arguments.folder)

    async def export(house: Any) -> list[tuple[int, Path]]:
        if arguments.all:
            return await export_all(house, folder)
        return [await export_log(house, arguments.log or house.log, folder)]

    for size, where in with_house(_settings(arguments), export):
        print(f"{size} entries in {where}")
    return 0


def _log_retain(arguments: argparse.Namespace) -> int:
    import getpass

    from consent.acts.operate import operator
    from consent.acts.retain import retain
    from consent.commands.auditors import day_from

    before, by = day_from(arguments.before), operator(arguments.by or getpass.getuser())
    done = with_house(_settings(arguments), lambda house: retain(house, before=before, by=by))
    for one in done:
        print(f"log {one.log}: nothing below {one.below} opens any more{'' if one.moved else ', as before'}")
    return 0


def _as_an_outsider(words: list[str]) -> int:
    """The verifier reads its own words, as it does where there is no service."""
    import consent_verify

    code: int = consent_verify.main(words[1:] if words[0] == "verify" else words)
    return code


def _openapi(arguments: argparse.Namespace) -> int:
    from consent.app import routes
    from consent.web.openapi import as_yaml

    sys.stdout.write(as_yaml(routes().state.openapi))
    return 0


if __name__ == "__main__":
    sys.exit(main())
