"""The organisation's door: disclosures and uses.

`POST /disclosures` is the hot path: a bare ASGI handler, without the framework's request and response objects.
"""

import hashlib
from base64 import b64encode
from typing import Annotated, Any, cast

import msgspec
from litestar import Request, Response, asgi, post
from litestar.types import HTTPScope, Receive, Scope, Send

from consent.acts import disclose as disclosing
from consent.acts import use as using
from consent.acts.house import House
from consent.acts.use import MOST_DISCLOSURES
from consent.ledger.entry import Opening, opening_json
from consent.words.actors import GivenBy
from consent.words.attributes import CATALOGUE
from consent.words.errors import BadInput

from .arrival import dpop_token, headers_of, is_json, read_body
from .departure import as_json, reply, respond
from .doors import ID_PATTERN, Answer, Door, Field, declared
from .errors import api_error, problem, refusal, refused

BODY_LIMIT = 16 * 1024
KEY_LIMIT = 255

# Only described, not decoded: an unknown name is another error than a body of another shape.
_AttributeName = Annotated[str, msgspec.Meta(extra_json_schema={"enum": sorted(CATALOGUE)})]
_DisclosureId = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": ID_PATTERN})]
_EACH_ONCE = {"uniqueItems": True}


class DisclosureRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which of the granted attributes to disclose."""

    attributes: Annotated[list[_AttributeName], msgspec.Meta(min_length=1, extra_json_schema=_EACH_ONCE)]


class DisclosedValue(msgspec.Struct, frozen=True):
    """One value with where it came from. `salt` (base64) opens its commitment in the entry's detail."""

    value: msgspec.Raw
    source: str
    as_of: str
    salt: str


class EntryShown(msgspec.Struct, frozen=True):
    """The leaf (base64) and what opens it."""

    leaf: str
    opening: dict[str, Any]


class DisclosureAnswer(msgspec.Struct, frozen=True):
    """What was disclosed, and the proof that it stands in the log. Check the proof before using the values."""

    disclosure_id: str
    grant_id: str
    given_by: GivenBy
    attributes: dict[str, DisclosedValue]
    entry: EntryShown
    proof: str


class UseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What disclosed values were used for: a template that was approved with the purpose."""

    disclosures: Annotated[
        list[_DisclosureId],
        msgspec.Meta(min_length=1, max_length=MOST_DISCLOSURES, extra_json_schema=_EACH_ONCE),
    ]
    template: str


class UseAnswer(msgspec.Struct, frozen=True):
    """The sentence that the citizen reads, in both languages, and the link to put beside what was personalised."""

    use_id: str
    because: dict[str, str]
    link: str


_REQUEST = msgspec.json.Decoder(DisclosureRequest)
_USE = msgspec.json.Decoder(UseRequest)

PROOF = Field(
    name="DPoP",
    where="header",
    description="A proof of possession for this request (RFC 9449)",
    required=True,
)
NO = {
    400: refused("Cannot be read"),
    401: refused("The token, the proof or the grant opens nothing", "WWW-Authenticate"),
    403: refused("Not granted, or not with this token"),
    404: refused("Foreign, unknown and erased look alike"),
    409: refused("There is nothing to give, or the values have changed"),
    413: refused("Too large"),
    415: refused("Not JSON"),
    422: refused("Idempotency-Key used with another request"),
    429: refused("More often than the purpose allows", "Retry-After"),
    503: refused("Too busy, or nothing can be logged", "Retry-After"),
}

_DISCLOSE = Door(
    id="disclose",
    tag="organisation",
    summary="Get what a citizen granted",
    description="The answer leaves only after its entry is durable in the signed log, and carries the proof.",
    security="dpop_grant",
    fields=(
        PROOF,
        Field(
            name="Idempotency-Key",
            where="header",
            description="Makes a retry safe",
            schema={"type": "string", "minLength": 1, "maxLength": KEY_LIMIT},
        ),
    ),
    body=DisclosureRequest,
    answers={200: Answer(description="The values, the entry and its proof", body=DisclosureAnswer)}
    | {status: answer for status, answer in NO.items() if status != 404},
)


@asgi("/disclosures", opt=declared(_DISCLOSE), copy_scope=False)
async def disclosures(scope: Scope, receive: Receive, send: Send) -> None:
    """Disclose what was granted."""
    try:
        status, headers, body = await _disclose(cast("HTTPScope", scope), receive)
    except Exception as fault:
        status, headers, body = api_error(fault)
    await reply(send, status, headers, body)


async def _disclose(scope: HTTPScope, receive: Receive) -> tuple[int, dict[str, str], bytes]:
    if scope["method"] != "POST":
        status, words, body = problem("method_not_allowed")
        return status, words | {"allow": "POST"}, body
    house: House = scope["litestar_app"].state.house
    headers, proofs = headers_of(scope)
    token_hash, proof = dpop_token(house, headers, proofs, method="POST", path="/disclosures")
    if not is_json(headers):
        return problem("unsupported_media_type")
    body = await read_body(receive, headers, BODY_LIMIT)
    try:
        request = _REQUEST.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BadInput('the body is JSON of the form {"attributes": ["…"]}') from None
    attributes = frozenset(request.attributes)
    if not attributes or len(attributes) != len(request.attributes):
        raise BadInput("name at least one attribute, each once")
    key = _idempotency_key(headers)
    outcome = await disclosing.disclose(
        house,
        token_hash=token_hash,
        proof=proof,
        attributes=attributes,
        key=key,
        body=b"" if key is None else hashlib.sha256("\0".join(sorted(attributes)).encode()).digest(),
    )
    if isinstance(outcome, disclosing.Refused):
        entry = (
            shown_entry(outcome.leaf, outcome.opening, with_detail=False)
            if outcome.leaf and outcome.opening
            else None
        )
        return refusal(outcome.reason, entry=entry, proof=outcome.proof)
    answer = DisclosureAnswer(
        disclosure_id=outcome.disclosure,
        grant_id=outcome.grant,
        given_by=outcome.given_by,
        attributes=shown_values(outcome.values),
        entry=shown_entry(outcome.leaf, outcome.opening, with_detail=True),
        proof=outcome.proof,
    )
    return as_json(answer)


def shown_values(values: disclosing.Values) -> dict[str, DisclosedValue]:
    """Opened values, by their names."""
    return {
        sealed.name: DisclosedValue(
            msgspec.Raw(opened.value), sealed.source, sealed.as_of, b64encode(opened.salt).decode()
        )
        for sealed, opened in values
    }


def shown_entry(leaf: bytes, opening: Opening, *, with_detail: bool) -> EntryShown:
    """An entry; the detail, which commits to the values, goes with them only."""
    return EntryShown(b64encode(leaf).decode(), opening_json(opening, with_detail=with_detail))


def _idempotency_key(headers: dict[bytes, bytes]) -> bytes | None:
    key = headers.get(b"idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= KEY_LIMIT:
        raise BadInput("an Idempotency-Key has 1 to 255 characters")
    return hashlib.sha256(key).digest()


@post(
    "/uses",
    opt=declared(
        Door(
            id="registerUse",
            tag="organisation",
            summary="Say what disclosed values were used for",
            description="One entry a grant, template and day. A use without a live grant is refused.",
            security="dpop_any",
            fields=(PROOF,),
            body=UseRequest,
            answers={200: Answer(description="Registered", body=UseAnswer)}
            | {status: NO[status] for status in (400, 401, 403, 404, 413, 415, 503)},
        )
    ),
    status_code=200,
)
async def uses(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Register a use."""
    house: House = request.app.state.house
    headers, proofs = headers_of(request.scope)
    token_hash, proof = dpop_token(house, headers, proofs, method="POST", path="/uses")
    if not is_json(headers):
        return respond(*problem("unsupported_media_type"))
    try:
        wanted = _USE.decode(await read_body(request.receive, headers, BODY_LIMIT))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BadInput('the body is JSON of the form {"disclosures": ["…"], "template": "…"}') from None
    outcome = await using.use(
        house,
        token_hash=token_hash,
        proof=proof,
        disclosures=tuple(wanted.disclosures),
        template=wanted.template,
    )
    if isinstance(outcome, using.Refused):
        return respond(*refusal(outcome.reason))
    answer = UseAnswer(
        outcome.use, {"nl": outcome.because.nl, "en": outcome.because.en}, f"{house.issuer}/why/{outcome.use}"
    )
    return respond(*as_json(answer))


HANDLERS = (disclosures, uses)
