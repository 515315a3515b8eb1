"""The organisation's answers to what it heard: "we know", and "what we had is gone"."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, post

from consent.acts import acknowledge as acknowledging
from consent.acts.house import House
from consent.words.errors import BadInput
from consent.words.instants import seconds

from .arrival import dpop_token, headers_of, is_json, read_body
from .departure import as_json, respond
from .doors import Answer, Door, Field, declared
from .errors import problem, refused
from .organisation import PROOF

BODY_LIMIT = 16 * 1024
_ID = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
_NO = {
    400: refused("Cannot be read"),
    401: refused("The token or the proof opens nothing", "WWW-Authenticate"),
    403: refused("Not with this token", "WWW-Authenticate"),
    404: refused("Foreign, unknown and erased look alike"),
    503: refused("Too busy, or nothing can be logged", "Retry-After"),
}


class AcknowledgeAnswer(msgspec.Struct, frozen=True):
    """Which signal, and since when it counts as heard (seconds since 1970)."""

    signal_id: str
    acknowledged_at: int


class DeletionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A deletion statement: a compact JWS of the client's own key."""

    statement: Annotated[str, msgspec.Meta(min_length=1, max_length=8192)]


class DeletionAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The statement that is kept, and where its entry stands. Instants are whole seconds since 1970.

    `attributes` is there when it is about some of them only.
    """

    grant_id: str
    scope: Literal["all", "all_but_legal_duty"]
    deleted_at: int
    stated_at: int
    log: str
    index: int
    attributes: list[str] | None = None


_STATEMENT = msgspec.json.Decoder(DeletionRequest)


@post(
    "/signals/{signal_id:str}/acknowledge",
    opt=declared(
        Door(
            id="acknowledgeSignal",
            tag="organisation",
            summary="Say that you heard a signal, and acted on it",
            description="The citizen reads it. A second time changes nothing. The request has no body.",
            security="dpop_client",
            fields=(
                Field(
                    name="signal_id",
                    where="path",
                    description="The jti of the security event token",
                    required=True,
                    schema=_ID,
                ),
                PROOF,
            ),
            answers={200: Answer(description="It counts as heard", body=AcknowledgeAnswer)} | _NO,
        )
    ),
    status_code=200,
)
async def acknowledge(request: Request[Any, Any, Any], signal_id: str) -> Response[bytes]:
    """Acknowledge one signal."""
    house: House = request.app.state.house
    headers, proofs = headers_of(request.scope)
    token_hash, proof = dpop_token(house, headers, proofs, method="POST", path=request.scope["path"])
    done = await acknowledging.acknowledge(house, token_hash=token_hash, proof=proof, signal=signal_id)
    return respond(*as_json(AcknowledgeAnswer(done.signal, seconds(done.at))))


@post(
    "/grants/{grant_id:str}/deletion",
    opt=declared(
        Door(
            id="stateDeletion",
            tag="organisation",
            summary="State that what you received is gone, after an end or a change",
            description=(
                "The statement is a JWS (typ deletion-statement+jwt) of one of the client's registered keys with "
                "iss, aud, iat, grant_id, scope (all or all_but_legal_duty) and deleted_at, and, about what a change "
                "took out of a running grant, attributes. It is kept as it was signed, and the citizen reads it. "
                "The same statement again changes nothing."
            ),
            security="dpop_client",
            fields=(
                Field(
                    name="grant_id",
                    where="path",
                    description="The grant_id of the token response",
                    required=True,
                    schema=_ID,
                ),
                PROOF,
            ),
            body=DeletionRequest,
            answers={200: Answer(description="Kept, with its entry in the log", body=DeletionAnswer)}
            | _NO
            | {
                409: refused("The grant has not ended, or still has these attributes"),
                413: refused("Too large"),
                415: refused("Not JSON"),
            },
        )
    ),
    status_code=200,
)
async def deletion(request: Request[Any, Any, Any], grant_id: str) -> Response[bytes]:
    """Keep a deletion statement."""
    house: House = request.app.state.house
    headers, proofs = headers_of(request.scope)
    token_hash, proof = dpop_token(house, headers, proofs, method="POST", path=request.scope["path"])
    if not is_json(headers):
        return respond(*problem("unsupported_media_type"))
    try:
        wanted = _STATEMENT.decode(await read_body(request.receive, headers, BODY_LIMIT))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BadInput('the body is JSON of the form {"statement": "…"}') from None
    kept = await acknowledging.state_deletion(
        house, token_hash=token_hash, proof=proof, grant=grant_id, statement=wanted.statement
    )
    return respond(
        *as_json(
            DeletionAnswer(
                grant_id=kept.grant,
                scope=kept.scope,
                deleted_at=seconds(kept.deleted_at),
                stated_at=seconds(kept.stated_at),
                log=kept.log,
                index=kept.index,
                attributes=list(kept.attributes) or None,
            )
        )
    )


HANDLERS = (acknowledge, deletion)
