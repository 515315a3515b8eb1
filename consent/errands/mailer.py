"""Letters to mailboxes: handed to the operator's mail server, or put in a folder where there is none.

Whoever sends a letter does not wait for it and does not learn what became of it. Neither address nor text is logged.
"""

import asyncio
import contextlib
import os
import secrets
import smtplib
import ssl
import time
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from consent.acts.house import Letter, Mailer
from consent.keyfiles import read_secret
from consent.settings import Settings
from consent.words.secret import Secret

MOST_WAITING = 1000  # letters; more are dropped, and whoever waits asks again
TRIES = (0, 5, 60)  # seconds before each
TIME = 15.0  # seconds for one try

_log = structlog.get_logger()


def mailer_of(settings: Settings) -> Mailer | None:
    """As the settings say; None: no mail is sent, and nothing that needs it is offered. Raises Misconfigured."""
    if settings.mail_server:
        password = read_secret(Path(settings.mail_password_file)) if settings.mail_password_file else None
        return Server(settings.mail_server, settings.mail_from, settings.mail_user, password)
    if urlsplit(settings.public_issuer).hostname == "localhost":
        return Folder(settings.folder / "mail")
    return None


class Folder:
    """Each letter a file, for who tries the service on one machine."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def send(self, letter: Letter) -> None:
        """Write it, readable for the folder's owner only."""
        self._place.mkdir(mode=0o700, exist_ok=True)
        name = f"{time.time_ns()}-{secrets.token_hex(4)}.eml"
        handle = os.open(self._place / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(_message(letter, "consent@localhost").as_bytes())

    async def deliver(self, letter: Letter) -> bool:
        """The same: what stands in the folder has arrived."""
        self.send(letter)
        return True


class Server:
    """A mail server, always over TLS (RFC 8314 §3), one letter at a time; only on this machine also without."""

    def __init__(self, address: str, sender: str, user: str, password: Secret | None) -> None:
        where = urlsplit(address)
        self._is_tls = where.scheme == "smtps"
        self._host = where.hostname or ""
        self._port = where.port or (465 if self._is_tls else 587)
        self._sender, self._user, self._password = sender, user, password
        self._waiting: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    def send(self, letter: Letter) -> None:
        """Begin to send it."""
        if len(self._waiting) >= MOST_WAITING:
            _log.error("mail_dropped")
            return
        task = asyncio.create_task(self._deliver(letter), name="mail")
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _deliver(self, letter: Letter) -> None:
        message = _message(letter, self._sender)
        for pause in TRIES:
            await asyncio.sleep(pause)
            if await self._try(message):
                return

    async def deliver(self, letter: Letter) -> bool:
        """One try; who asks tries again later."""
        return await self._try(_message(letter, self._sender))

    async def _try(self, message: EmailMessage) -> bool:
        try:
            async with self._turn:
                await asyncio.to_thread(self._hand_in, message)
        except (smtplib.SMTPException, OSError) as fault:
            _log.error("mail_failed", fault=type(fault).__name__)
            return False
        return True

    async def failure(self) -> str | None:
        """What stands between us and the mail server, as the kind of fault; None: it lets us in. No letter is sent."""
        try:
            await asyncio.to_thread(self._greet)
        except (smtplib.SMTPException, OSError) as fault:
            return type(fault).__name__
        return None

    def _greet(self) -> None:
        with self._session() as server:
            server.noop()

    def _hand_in(self, message: EmailMessage) -> None:
        with self._session() as server:
            server.send_message(message)

    @contextlib.contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        context = ssl.create_default_context()
        server = (
            smtplib.SMTP_SSL(self._host, self._port, timeout=TIME, context=context)
            if self._is_tls
            else smtplib.SMTP(self._host, self._port, timeout=TIME)
        )
        with server:
            if not self._is_tls and self._host not in ("localhost", "127.0.0.1", "::1"):
                server.starttls(context=context)  # raises when the server has none: nothing goes in the clear
            if self._password is not None:
                server.login(self._user, self._password.reveal().decode())
            yield server


def _message(letter: Letter, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, letter.to, letter.subject
    message["Message-ID"] = make_msgid(domain=sender.partition("@")[2] or "localhost")
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: no out-of-office answers
    message.set_content(letter.text)
    return message
