"""Where the acts happen: what each of them finds at hand. Built once, by `app.py`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from consent.oauth.dpop import KeyCache
from consent.oauth.keys import ServerKeys
from consent.oauth.step_up import StepUp
from consent.storage.book import UnwrappedKeys
from consent.storage.store import Store
from consent.vault.keys import KeyRing
from consent.words.secret import Secret

from .client_keys import ClientKeys
from .cosign import Cosigner
from .meter import DoorMeter
from .pulse import Pulse
from .quorum import Quorum
from .scribe import Scribe
from .timekeeper import Timekeeper


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What another machine answered."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes


class Outside(Protocol):
    """The way to other machines: bounded, and to public addresses only. It waits, so no story may call it."""

    async def get(self, url: str) -> bytes:
        """What stands at *url*. Raises NotReached."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send *body* to *url*, once. Raises NotReached."""


class ToWitnesses(Protocol):
    """The way to the witnesses that the operator named: bounded, wherever they are. It waits."""

    async def send(self, method: str, url: str, body: bytes) -> Reply:
        """Send one request. Raises NotReached."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A message to one mailbox: plain text, and nothing in it that a stranger may not read."""

    to: str
    subject: str
    text: str


class Mailer(Protocol):
    """The way to mailboxes. It takes a letter and answers at once: how long a mail takes tells nobody anything."""

    def send(self, letter: Letter) -> None:
        """Send it, soon."""

    async def deliver(self, letter: Letter) -> bool:
        """Send it now, once. Whether the mail server took it."""


class Broker(Protocol):
    """An OpenID provider that says who somebody is. It waits."""

    name: str  # on the button

    async def address(self, *, state: str, nonce: str, verifier: str) -> str:
        """Where a browser goes to sign in there. Raises NotReached."""

    async def subject(self, answer: Mapping[str, str], *, state: str, nonce: str, verifier: str) -> str:
        """Who came back with *answer*: `iss` and `sub` in one text. Raises NotReached, NotSignedIn."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How many requests a minute, 0 for no limit; and how many proxies say who is behind them."""

    client: int = 0
    address: int = 0
    sign_in: int = 0
    auditor: int = 0
    case: int = 0
    stop_code: int = 0  # wrong ones from one address
    stop_codes: int = 0  # wrong ones from everywhere
    trusted_proxies: int = 0


class House(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that lives as long as the process."""

    issuer: str  # URL without a slash at the end
    store: Store
    scribe: Scribe
    cosigner: Cosigner  # the log's second key, if it has one
    quorum: Quorum  # of the log's witnesses
    to_witnesses: ToWitnesses
    ring: KeyRing
    unwrapped: UnwrappedKeys  # for opening a citizen's own values for herself
    clock: Callable[[], int]  # microseconds; what is written has the timekeeper's time instead
    timekeeper: Timekeeper
    chance: Callable[[int], bytes]
    server_keys: ServerKeys
    proof_keys: KeyCache
    request_template: bytes  # hash of the page on which a citizen answers
    outside: Outside
    acknowledge_within: int  # microseconds; then an answer to a signal is late
    client_keys: ClientKeys
    keep_erased: Callable[[Sequence[tuple[bytes, int]]], None]  # shadows and instants, beside the keys
    check_keys: Callable[[str], None]  # that the key files for a log can be read; raises Misconfigured
    sandbox: bool
    names_key: Secret  # hashes what finds a way in: addresses, names at a broker
    mailer: Mailer | None = None
    broker: Broker | None = None
    limits: Limits = Limits()
    step_up: StepUp = StepUp()
    sources: Mapping[str, str] = {}  # the client that answers for a source
    pulse: Pulse = msgspec.field(default_factory=Pulse)
    door_meter: DoorMeter = msgspec.field(default_factory=DoorMeter)

    @property
    def log(self) -> str:
        """The name of the log that is written now: of bucket 1, if others stand beside it."""
        return self.scribe.pen.log

    @property
    def logs(self) -> tuple[str, ...]:
        """The names of all logs that are written now."""
        return tuple(pen.log for pen in self.scribe.pens)

    @property
    def vkey(self) -> str:
        """Its public key, as C2SP signed-note writes it."""
        return self.scribe.pen.vkey

    @property
    def server_key(self) -> EllipticCurvePrivateKey:
        """The key that signs now."""
        return self.server_keys.active(self.clock())
