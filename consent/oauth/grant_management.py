"""A pushed request may name a grant that runs and ask to change it (Grant Management for OAuth 2.0).

create    a new grant, as without any of this
merge     what is asked is added to what the grant has; `update` is what an earlier draft called it
replace   what is asked takes the place of what the grant has
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from consent.words.errors import InvalidGrantId, InvalidRequest
from consent.words.ids import is_id

ACTIONS = ("create", "merge", "update", "replace")


class Amendment(msgspec.Struct, frozen=True, kw_only=True):
    """Which grant a request wants to change, and how."""

    grant: str
    how: Literal["merge", "replace"]


def check_grant_management(form: Mapping[str, str]) -> Amendment | None:
    """The change that a pushed request asks for, or None when it asks for a new grant.

    Raises InvalidRequest for an unknown action, and when an action and a `grant_id` do not belong together;
    InvalidGrantId for one that cannot be ours.
    """
    action, grant = form.get("grant_management_action"), form.get("grant_id")
    if action is None:
        if grant is not None:  # we would have to guess what shall happen to it
            raise InvalidRequest("grant_id comes with a grant_management_action")
        return None
    if action not in ACTIONS:
        raise InvalidRequest("grant_management_action is create, merge, update or replace")
    if action == "create":
        if grant is not None:
            raise InvalidRequest("create makes a new grant, and names none")
        return None
    if grant is None:
        raise InvalidRequest("grant_id is missing")
    if not is_id(grant):
        raise InvalidGrantId(
            "there is no running grant of this client with this grant_id; ask anew, without it"
        )
    return Amendment(grant=grant, how="replace" if action == "replace" else "merge")
