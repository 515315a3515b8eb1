"""What an operator can set: flags first, then `CONSENT_*` variables, then a settings file, then these defaults.

Secrets are never settings: keys are files in the data folder. `docs/reference/settings.md` explains each.
"""

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from consent.acts.policy import Witness, WitnessPolicy, check_policy
from consent.acts.retain import first_kept
from consent.ledger.errors import LedgerError
from consent.words.errors import Misconfigured
from consent.words.purposes import Contact, Text

# A settings file alone can say these.
_TABLES = ("sources", "help", "library", "authority", "witnesses")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of them. Unknown names are refused."""

    data: str = "consent-data"
    """The folder that holds database and keys; made at the first start, readable by its owner only."""
    database: str = ""
    """`postgresql://…` instead of a file in the data folder; the password stays in `~/.pgpass` or `PGPASSWORD`."""
    workers: int = 1
    """Processes that serve; more than one only on PostgreSQL."""
    host: str = "127.0.0.1"
    """The address to listen on."""
    port: int = 8000
    """The port to listen on."""
    metrics_port: int = 0
    """Where numbers for a watcher are read, at `/metrics`; with workers each has its own port, from here on; 0: off."""
    metrics_host: str = "127.0.0.1"
    """The address to listen on for them: whoever reaches it may read them."""
    issuer: str = ""
    """The address people and organisations use, when a proxy terminates TLS in front; https off loopback."""
    sandbox: bool = False
    """Sign in as an invented person by a button; listens on loopback only."""
    seed: str = ""
    """A file with organisations and invented people, added at the start when they are not there yet."""
    limit_client: int = 3000
    """Requests a minute of one client at the OAuth endpoints; 0: no limit."""
    limit_address: int = 600
    """Requests a minute from one address at the OAuth endpoints; 0: no limit."""
    limit_sign_in: int = 120
    """Steps of signing in a minute from one address (with a device it takes two); 0: no limit."""
    limit_auditor: int = 10
    """Reads a minute with one auditor's token, each of which is an entry of the log; 0: no limit."""
    limit_case: int = 30
    """Case numbers a minute that one clerk may look up; 0: no limit."""
    limit_stop_code: int = 10
    """Wrong stop codes a minute from one address; 0: no limit."""
    limit_stop_codes: int = 60
    """Wrong stop codes a minute from all addresses together: it bounds what many of them can guess; 0: no limit."""
    trusted_proxies: int = 0
    """How many proxies in front add to `X-Forwarded-For`; 0: nobody does, the header counts for nothing."""
    yearly_logs: bool = True
    """At New Year (UTC) the log is closed and the next year's takes its place; running grants are carried over."""
    retain: str = ""
    """How long entries can be opened, such as `7y`, `18m` or `400d`; once a day what is older goes. Empty: for ever."""
    acknowledge_days: int = 3
    """How long an organisation may take to acknowledge a signal; then citizen and operator see that it is late."""
    special_sign_in: int = 5
    """Minutes: so short ago a citizen must have signed in to say yes to what is delicate."""
    special_max_age: int = 0
    """Minutes: so old the sign-in of a grant may be when what is delicate is given out; 0: any age."""
    witnesses: tuple[Witness, ...] = ()
    """Who signs the log's checkpoints too: `vkey`, `url` and `organisation` of each; in a settings file only."""
    quorum: int = 0
    """Of how many organisations a witness must have signed before a checkpoint is served; 0: more than half."""
    witness_seconds: int = 5
    """How long a disclosure waits for the quorum, when its purpose wants it."""
    demand_witnesses: bool = False
    """Start only when a quorum of the witnesses answers: only they know that the database is not an older copy."""
    mail_server: str = ""
    """Where mail is handed in: `smtps://host` or `smtp://host:587` (STARTTLS). Empty on loopback: files in `mail/`."""
    mail_from: str = ""
    """The address that letters come from."""
    mail_user: str = ""
    """As whom to sign in at the mail server; empty: not at all."""
    mail_password_file: str = ""
    """A file, 0600, whose first line is the password there."""
    broker_issuer: str = ""
    """The OpenID provider where people may sign in; https, or http on loopback. Empty: none."""
    broker_client: str = ""
    """Our client id there; the redirect address is `<issuer>/sign-in/broker/done`."""
    broker_secret_file: str = ""
    """A file, 0600, whose first line is our client secret there."""
    broker_name: str = ""
    """What its button says, as people know it."""
    product: str = ""
    """What the service is called on its pages."""
    look: str = ""
    """A folder with a look of your own: its `theme.css` takes the place of ours, `mark.svg` and fonts too."""
    quick_exit: str = "https://www.knmi.nl/"
    """Where ‘Leave quickly’ leads, on every page: a harmless https address that many people visit. Empty: no button."""
    help: Contact | None = None
    """A human whom a citizen can turn to, on every page; left out when there is none."""
    library: Contact | None = None
    """Where people get help with computers nearby, on the help page; left out when there is none."""
    sources: dict[str, str] = {}
    """The client that answers for a source (`brp`, `income`), so that people can ask it for a correction; a table."""
    call_back: str = ""
    """The https address of a page where people ask to be called, on the help page; empty: there is none."""
    authority: Contact = Contact(
        name=Text("de Autoriteit Persoonsgegevens", "the Dutch Data Protection Authority"),
        url="https://www.autoriteitpersoonsgegevens.nl/",
    )
    """Who watches over the law on personal data: where a citizen complains when nothing else helped."""

    @property
    def public_issuer(self) -> str:
        """The issuer: as set, else this machine's own loopback address."""
        return self.issuer.rstrip("/") or f"http://localhost:{self.port}"

    @property
    def policy(self) -> WitnessPolicy:
        """Whose signatures a checkpoint needs besides the log's own."""
        return WitnessPolicy(self.witnesses, self.quorum)

    @property
    def folder(self) -> Path:
        """The data folder."""
        return Path(self.data)


def read_settings(flags: Mapping[str, Any], *, environment: Mapping[str, str] | None = None) -> Settings:
    """Put flags (None: not given), environment and file together. Raises Misconfigured with the rule that is broken."""
    variables = os.environ if environment is None else environment
    names = {field.name: field for field in msgspec.structs.fields(Settings)}
    found: dict[str, Any] = {}
    file = flags.get("settings") or variables.get("CONSENT_SETTINGS")
    if file:
        try:
            found.update(tomllib.loads(Path(file).read_text("utf-8")))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            raise Misconfigured("the settings file cannot be read as TOML") from None
    for name in names:
        value = variables.get(f"CONSENT_{name.upper()}")
        if value is not None and name not in _TABLES:
            found[name] = value
    found.update({name: value for name, value in flags.items() if name in names and value is not None})
    try:
        settings = msgspec.convert(found, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"a setting is unknown or of the wrong kind: {error}") from None
    check_settings(settings)
    return settings


def check_settings(settings: Settings) -> None:
    """Refuse what would be unsafe. Raises Misconfigured."""
    issuer = urlsplit(settings.public_issuer)
    if issuer.path or issuer.query or issuer.fragment or issuer.username or not issuer.hostname:
        raise Misconfigured("the issuer is a scheme and a host, without a path")
    loopback_issuer = issuer.hostname in ("localhost", "127.0.0.1", "::1")
    if issuer.scheme != "https" and not (issuer.scheme == "http" and loopback_issuer):
        raise Misconfigured("off loopback the issuer must be https")
    if issuer.hostname == "127.0.0.1":
        raise Misconfigured("use http://localhost: signing in with a device needs a host name")
    listens_on_loopback = _is_loopback(settings.host)
    if settings.sandbox and not listens_on_loopback:
        raise Misconfigured("the sandbox listens on loopback only")
    if not listens_on_loopback and not settings.issuer:
        raise Misconfigured("say with --issuer which https address people use")
    if settings.workers < 1 or (settings.workers > 1 and not settings.database):
        raise Misconfigured("several workers need a PostgreSQL database; on a file there is one")
    last = settings.metrics_port + settings.workers - 1
    if settings.metrics_port and not (0 < settings.metrics_port <= last < 65_536):
        raise Misconfigured("metrics_port is a port, with as many behind it as there are workers")
    if settings.metrics_port <= settings.port <= last and settings.metrics_port:
        raise Misconfigured("metrics_port and the ports behind it are others than the port of the service")
    if settings.database:
        database = urlsplit(settings.database)
        if database.scheme not in ("postgresql", "postgres") or not database.path.strip("/"):
            raise Misconfigured("the database is postgresql://USER@HOST/NAME, or not set: then it is a file")
        if database.password is not None:
            raise Misconfigured("no password in the database's address: put it into ~/.pgpass or PGPASSWORD")
    try:
        check_policy(settings.policy)
    except LedgerError as no:
        raise Misconfigured(str(no)) from None
    for witness in settings.witnesses:
        where = urlsplit(witness.url)
        if where.scheme not in ("https", "http") or not where.hostname or where.query or where.fragment:
            raise Misconfigured("a witness has an http or https address, without query and fragment")
    if settings.call_back and not settings.call_back.startswith("https://"):
        raise Misconfigured("call_back is an https address")
    _check_mail(settings)
    _check_broker(settings)
    exit = urlsplit(settings.quick_exit)
    if settings.quick_exit and (
        exit.scheme != "https" or not exit.hostname or exit.username or not _is_plain(settings.quick_exit)
    ):
        raise Misconfigured("quick_exit is an https address, or empty")
    if not 1 <= settings.witness_seconds <= 60:
        raise Misconfigured("witness_seconds is a number of seconds from 1 to 60")
    if not 1 <= settings.acknowledge_days <= 365:
        raise Misconfigured("acknowledge_days is a number of days from 1 to 365")
    if not 1 <= settings.special_sign_in <= 60:
        raise Misconfigured("special_sign_in is a number of minutes from 1 to 60")
    if not 0 <= settings.special_max_age <= 366 * 24 * 60:
        raise Misconfigured("special_max_age is a number of minutes up to a year, or 0 for any age")
    if settings.retain:
        first_kept(settings.retain, at=0)
    limits = [getattr(settings, name) for name in Settings.__struct_fields__ if name.startswith("limit_")]
    if min(limits) < 0:
        raise Misconfigured("a limit is a number of requests a minute, or 0 for none")
    if not 0 <= settings.trusted_proxies <= 8:
        raise Misconfigured("trusted_proxies is the number of proxies in front, from 0 to 8")
    if not 0 < settings.port < 65536:
        raise Misconfigured("a port is a number from 1 to 65535")


def _check_mail(settings: Settings) -> None:
    where = urlsplit(settings.mail_server)
    if not settings.mail_server:
        if settings.mail_from or settings.mail_user or settings.mail_password_file:
            raise Misconfigured("mail_from, mail_user and mail_password_file need a mail_server")
        return
    if where.scheme not in ("smtp", "smtps") or not where.hostname or where.path or where.username:
        raise Misconfigured("mail_server is smtps://host or smtp://host:port")
    if "@" not in settings.mail_from or not settings.mail_from.isprintable():
        raise Misconfigured("mail_from is the address that letters come from")
    if bool(settings.mail_user) != bool(settings.mail_password_file):
        raise Misconfigured("mail_user and mail_password_file go together")


def _check_broker(settings: Settings) -> None:
    given = (
        settings.broker_issuer,
        settings.broker_client,
        settings.broker_secret_file,
        settings.broker_name,
    )
    if any(given) and not all(given):
        raise Misconfigured("a broker takes broker_issuer, broker_client, broker_secret_file and broker_name")
    where = urlsplit(settings.broker_issuer)
    is_ours = where.scheme == "http" and _is_loopback(where.hostname or "")
    if settings.broker_issuer and not (where.scheme == "https" or is_ours):
        raise Misconfigured("the broker's issuer must be https")


def _is_plain(address: str) -> bool:
    """Whether it can stand in a header and in a page as it is."""
    return address.isascii() and address.isprintable() and not any(c in " \"<>\\'" for c in address)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
