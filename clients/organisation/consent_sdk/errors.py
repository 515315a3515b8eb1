"""What can go wrong, as one short tree. No message repeats a value, a token, a key or an input.

ConsentError
├── Declined        the citizen said no
├── Refused         the service says no, with a reason code; for a retry perhaps the old entry as evidence
│   └── StepUpNeeded   the citizen has to sign in better or again: ask her once more, as the error says
├── ProofError      the receipt is not right: nothing was handed out
├── Forked          the log shows two histories: keep both checkpoints and tell the operator and an auditor
└── ProtocolError   an answer that the protocol does not allow
    └── Unreachable no answer, or one that says "later"
"""

from collections.abc import Mapping
from typing import Any


class ConsentError(Exception):
    """The root: everything that this package raises on purpose."""


class Declined(ConsentError):
    """The citizen said no, or closed the question. Offer her the other way to get the same."""


class Refused(ConsentError):
    """The service says no.

    `reason` is the closed code of the wire (`grant_not_active`, `beyond_grant`, `invalid_grant` …), `status`
    the HTTP status (0 when the no came by way of the browser). `title` and `detail` are for a developer.
    `entry` and `proof` are the old entry of a repeated request under a permission that has ended;
    `is_checked` says whether that proof was verified here.
    """

    def __init__(
        self,
        reason: str,
        *,
        status: int,
        title: str = "",
        detail: str = "",
        entry: Mapping[str, Any] | None = None,
        proof: str | None = None,
        is_checked: bool = False,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(f"{reason}: {title}" if title else reason)
        self.reason = reason
        self.status = status
        self.title = title
        self.detail = detail
        self.entry = entry
        self.proof = proof
        self.is_checked = is_checked
        self.retry_after = retry_after


class StepUpNeeded(Refused):
    """What you asked for takes a better or younger sign-in of the citizen (RFC 9470).

    Ask her again: `ask(…, acr_values=error.acr_values, max_age=error.max_age)`; `max_age` is in seconds.
    """

    acr_values: tuple[str, ...] = ()
    max_age: int | None = None


class ProofError(ConsentError):
    """A receipt does not hold, so no data was handed out.

    `check` names the one check that failed. `evidence` holds the entry and the proof as they came in, for a
    complaint; it holds no values.
    """

    def __init__(self, check: str, message: str, *, evidence: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{check}: {message}")
        self.check = check
        self.evidence: Mapping[str, Any] = evidence or {}


class Forked(ConsentError):
    """Two signed checkpoints of one log that cannot both be true. Together they prove it to anyone.

    `kept` is the note that was accepted earlier, `seen` the one that contradicts it: both with signatures.
    """

    def __init__(self, origin: str, *, kept: str, seen: str) -> None:
        super().__init__("the log signed two checkpoints that contradict each other")
        self.origin = origin
        self.kept = kept
        self.seen = seen


class ProtocolError(ConsentError):
    """An answer or a callback that the protocol does not allow. The message names the rule."""


class Unreachable(ProtocolError):
    """No usable answer came. A disclosure can be asked again with the same `idempotency_key`."""

    idempotency_key: str | None = None
    wanted: tuple[Any, ...] = ()  # of `fetch_many`: the same items with their keys, to be asked again
