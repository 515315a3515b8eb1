"""What an organisation holds in its hands: a question, an arrangement, a disclosure, a use.

Values, salts and tokens do not show when one of these is printed.
"""

from typing import Any, Literal

import msgspec

from .encoding import read_json
from .secret import Secret


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A question on its way: send the citizen to `url`, and keep this in her session until she is back.

    `state` and `verifier` belong to this one visit. `text()` and `Ask.read(…)` carry it through a session
    store; the text holds the verifier, so it belongs on your side, not in a readable cookie.
    """

    url: str
    state: str
    verifier: Secret
    purpose: str
    purpose_version: int
    attributes: tuple[str, ...]
    grant_id: str | None = None  # the permission that this question wants to change

    def text(self) -> str:
        """All of it as JSON text, the verifier included."""
        return msgspec.json.encode(
            msgspec.structs.asdict(self) | {"verifier": self.verifier.reveal()}
        ).decode()

    @classmethod
    def read(cls, text: str) -> "Ask":
        """The question that `text()` wrote. Raises ValueError."""
        return msgspec.convert(_with_secret(text, "verifier"), cls)


class Arrangement(msgspec.Struct, frozen=True, kw_only=True):
    """What the citizen allowed: these attributes, for this purpose, until `expires_at` (whole seconds).

    `attributes` is what she chose, which may be less than what was asked. `sub` is her name at this
    organisation only. `given_by` says whether she decided herself (`self`) or somebody did in her name
    (`helper`, `guardian`, `clerk`); who that was is hers to know. `acr` and `auth_time` (whole seconds): how and when
    whoever decided had signed in (RFC 9470).
    `text()` holds the refresh token and is as secret as that.
    """

    grant_id: str
    sub: str
    purpose: str
    purpose_version: int
    attributes: tuple[str, ...]
    expires_at: int
    refresh_token: Secret
    given_by: str = "self"
    acr: str | None = None
    auth_time: int | None = None

    def text(self) -> str:
        """All of it as JSON text, the refresh token included."""
        fields = msgspec.structs.asdict(self) | {"refresh_token": self.refresh_token.reveal()}
        return msgspec.json.encode(fields).decode()

    @classmethod
    def read(cls, text: str) -> "Arrangement":
        """The arrangement that `text()` wrote. Raises ValueError."""
        return msgspec.convert(_with_secret(text, "refresh_token"), cls)


def _with_secret(text: str, field: str) -> dict[str, Any]:
    fields = read_json(text.encode(), dict[str, Any])
    secret = fields.get(field)
    if not isinstance(secret, str):
        raise ValueError("a field is missing")
    return fields | {field: Secret(secret)}


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """One value, where it came from, and the day or second it was true.

    `salt` (base64) belongs to the value: with it and the entry you can show later that this is what you
    received. Destroy both together when the value's time is over.
    """

    value: Any
    source: str
    as_of: str | int | None = None
    salt: str

    def __repr__(self) -> str:
        return f"Attribute(value=…, source={self.source!r}, as_of={self.as_of!r})"


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What opens one entry of the log: the index, two keys, and the records that they commit to."""

    i: int
    kc: str
    a: str
    audit: str = msgspec.field(name="A")
    d: str | None = None
    detail: str | None = msgspec.field(name="D", default=None)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as it stands in the public log (`leaf`, base64) with what opens it. Holds no value."""

    leaf: str
    opening: Opening


class Disclosure(msgspec.Struct, frozen=True, kw_only=True):
    """Data with its receipt, checked. Keep `receipt()` as long as you keep the data.

    `provisional`: the log signed for the entry; independent witnesses have not yet.
    """

    disclosure_id: str
    grant_id: str
    values: dict[str, Attribute]
    entry: Entry
    proof: str
    provisional: bool = True

    def receipt(self) -> dict[str, Any]:
        """The proof of what was asked and received, without a value: for your own records and an auditor."""
        return {
            "disclosure_id": self.disclosure_id,
            "grant_id": self.grant_id,
            "entry": msgspec.to_builtins(self.entry),
            "proof": self.proof,
        }


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """A registered use. Show `because[language]` and `link` beside whatever the data made you show."""

    use_id: str
    because: dict[Literal["nl", "en"], str]
    link: str


class GrantStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a permission stands right now; instants in whole seconds. `updated_at`: when she last agreed to it.

    Never a reason to skip `fetch`, or to use data without it: it may have changed when you read this.
    """

    grant_id: str
    is_active: bool = msgspec.field(name="active")
    purpose: str
    purpose_version: int
    attributes: tuple[str, ...]
    granted_at: int
    expires_at: int
    updated_at: int | None = None
    given_by: str = "self"
