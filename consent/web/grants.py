"""The organisation's door to its own grants: how one stands, and letting it go.

What Grant Management for OAuth 2.0 calls query and revoke; changing one begins with a pushed request.
"""

from typing import Any

import msgspec
from litestar import Request, Response, delete, get

from consent.acts import inspect as inspecting
from consent.acts import revoke as revoking
from consent.acts.house import House
from consent.grants.request import granted_details
from consent.oauth.metadata import GRANTS_PATH
from consent.words.actors import GivenBy
from consent.words.instants import seconds

from .arrival import dpop_token, headers_of
from .departure import as_json, respond
from .doors import ID_PATTERN, Answer, Door, Field, declared
from .organisation import NO, PROOF
from .tokens import GrantedDetail


class GrantAnswer(msgspec.Struct, frozen=True):
    """A grant as its organisation may see it, without a cause. Instants are whole seconds since 1970.

    `status` is `active` or `ended`, as `active` says it too. What was granted stands in `authorization_details`
    in the form of the token response. `updated_at` is when the citizen last agreed to it as it is now.
    """

    grant_id: str
    active: bool
    status: str
    purpose: str
    purpose_version: int
    attributes: list[str]
    granted_at: int
    updated_at: int
    expires_at: int
    given_by: GivenBy
    authorization_details: list[GrantedDetail]


_GRANT_ID = Field(
    name="grant_id",
    where="path",
    description="The grant_id of the token response",
    required=True,
    schema={"type": "string", "pattern": ID_PATTERN},
)
_NO = {status: NO[status] for status in (400, 401, 403, 404, 503)}


@get(
    GRANTS_PATH + "/{grant_id:str}",
    opt=declared(
        Door(
            id="readGrant",
            tag="organisation",
            summary="See whether a grant is still active, and what it holds",
            security="dpop_client",
            fields=(_GRANT_ID, PROOF),
            answers={200: Answer(description="The grant", body=GrantAnswer)} | _NO,
        )
    ),
)
async def read(request: Request[Any, Any, Any], grant_id: str) -> Response[bytes]:
    """The state of one grant of this client."""
    house: House = request.app.state.house
    headers, proofs = headers_of(request.scope)
    token_hash, proof = dpop_token(house, headers, proofs, method="GET", path=request.scope["path"])
    state = await inspecting.grant_state(house, token_hash=token_hash, proof=proof, grant=grant_id)
    grant = state.grant
    answer = GrantAnswer(
        grant_id=grant.id,
        active=state.live,
        status="active" if state.live else "ended",
        purpose=grant.purpose,
        purpose_version=grant.purpose_version,
        attributes=list(grant.attributes),
        granted_at=seconds(grant.granted_at),
        updated_at=seconds(state.updated_at),
        expires_at=seconds(grant.expires_at),
        given_by=grant.given_by,
        authorization_details=msgspec.convert(
            granted_details(grant, issuer=house.issuer), list[GrantedDetail]
        ),
    )
    return respond(*as_json(answer))


@delete(
    GRANTS_PATH + "/{grant_id:str}",
    opt=declared(
        Door(
            id="endGrant",
            tag="organisation",
            summary="End a grant that you no longer need",
            description="It and its tokens are dead when this answers, and the citizen reads that you did it. "
            "A second time changes nothing.",
            security="dpop_client",
            fields=(_GRANT_ID, PROOF),
            answers={204: Answer(description="It has ended", media=None)} | _NO,
        )
    ),
    status_code=204,
)
async def end(request: Request[Any, Any, Any], grant_id: str) -> None:
    """End one grant of this client."""
    house: House = request.app.state.house
    headers, proofs = headers_of(request.scope)
    token_hash, proof = dpop_token(house, headers, proofs, method="DELETE", path=request.scope["path"])
    await revoking.revoke(house, token_hash=token_hash, proof=proof, grant=grant_id)


HANDLERS = (read, end)
