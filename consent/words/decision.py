"""Yes is a value that opens the vault; no is a value that we can record.

Nobody can forget the check: the vault takes a `Permit`, and only `grants/decide.py` makes one.
"""

from typing import Literal

import msgspec

RefusalReason = Literal[
    "not_active",  # withdrawn, revoked, expired or frozen: the organisation is not told which
    "other_client",  # the grant was given to somebody else
    "beyond_grant",  # an attribute that was not granted
    "too_often",  # more disclosures today than the purpose allows
    "nothing_held",  # the citizen no longer holds any of what was asked
    "organisation_suspended",
    "client_suspended",
    "purpose_suspended",
]


class Permit(msgspec.Struct, frozen=True):
    """A yes: these attributes of this citizen may be opened now, for this one occasion."""

    citizen: str
    attributes: frozenset[str]


class Refusal(msgspec.Struct, frozen=True):
    """A no, with the rule that said it. Safe to log: it names the rule, never the person."""

    reason: RefusalReason
