"""Where the acts happen: what each of them finds at hand. Built once, by `app.py`."""

from collections.abc import Callable

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from consent.oauth.dpop import KeyCache
from consent.storage.book import UnwrappedKeys
from consent.storage.store import Store
from consent.vault.keys import KeyRing

from .scribe import Scribe


class House(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that lives as long as the process."""

    issuer: str  # URL without a slash at the end
    log: str  # name of the log that is written now
    origin: str  # its identity in every checkpoint
    vkey: str  # its public key, as C2SP signed-note writes it
    store: Store
    scribe: Scribe
    ring: KeyRing
    unwrapped: UnwrappedKeys  # for opening a citizen's own values for herself
    clock: Callable[[], int]  # microseconds
    chance: Callable[[int], bytes]
    server_key: EllipticCurvePrivateKey
    proof_keys: KeyCache
    request_template: bytes  # hash of the page on which a citizen answers
    sandbox: bool
