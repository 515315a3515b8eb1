"""The organisation's door for many grants at once: each item has its own answer, and all share one proof."""

import hashlib
from base64 import b64encode
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, post

from consent.acts import gather as gathering
from consent.acts.disclose import Wanted
from consent.acts.gather import Gathered, Item
from consent.acts.house import House
from consent.oauth.batches import MOST_ITEMS
from consent.words.actors import GivenBy
from consent.words.errors import BadInput, InsufficientUserAuthentication
from consent.words.ids import is_id

from .arrival import dpop_token, headers_of, is_json, read_body
from .departure import as_json, respond
from .doors import ID_PATTERN, Answer, Door, declared
from .errors import Problem, api_error, problem, refusal
from .organisation import KEY_LIMIT, NO, PROOF, DisclosedValue, EntryShown, shown_entry, shown_values

BODY_LIMIT = 128 * 1024
_PATH = "/disclosures/batch"


class BatchItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to disclose under one grant. An unknown attribute is an answer to this item, not to all."""

    grant_id: Annotated[str, msgspec.Meta(pattern=ID_PATTERN)]
    attributes: Annotated[
        list[str], msgspec.Meta(min_length=1, max_length=100, extra_json_schema={"uniqueItems": True})
    ]
    idempotency_key: Annotated[str, msgspec.Meta(min_length=1, max_length=KEY_LIMIT)]


class BatchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Items; the answer has theirs in the same order."""

    items: Annotated[list[BatchItem], msgspec.Meta(min_length=1, max_length=MOST_ITEMS)]


class BatchDisclosure(msgspec.Struct, frozen=True):
    """As from `POST /disclosures`; `proof` is a position in `proofs`."""

    disclosure_id: str
    grant_id: str
    given_by: GivenBy
    attributes: dict[str, DisclosedValue]
    entry: EntryShown
    proof: int


class BatchProblem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """As from `POST /disclosures`, with what stands in headers there (seconds; RFC 9470). `proof` is a position in
    `proofs`."""

    status: int
    code: str
    title: str
    detail: str = ""
    next: str = ""
    retry_after: int | None = None
    acr_values: str | None = None
    max_age: int | None = None
    entry: EntryShown | None = None
    proof: int | None = None


class BatchResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of the two."""

    disclosure: BatchDisclosure | None = None
    problem: BatchProblem | None = None


class BatchProof(msgspec.Struct, frozen=True):
    """A signed checkpoint, and the hashes (base64) that lead to its root from all entries that name this proof.

    They stand in the order of RFC 6962 §2.1: of each part of the tree without one of these entries its root, from left
    to right.
    """

    checkpoint: str
    hashes: list[str]


class BatchAnswer(msgspec.Struct, frozen=True):
    """An answer for each item, in the order of the items. Check all proofs before using a value."""

    results: list[BatchResult]
    proofs: list[BatchProof]


_REQUEST = msgspec.json.Decoder(BatchRequest)
_PROBLEM = msgspec.json.Decoder(Problem)


@post(
    _PATH,
    opt=declared(
        Door(
            id="discloseBatch",
            tag="organisation",
            summary="Get what many citizens granted",
            description="At most 100 items, with a token for batches. Each is decided by itself, as it would be alone, "
            "and has an entry of its own; all share the proof. Repeat the whole batch to repeat an item.",
            security="dpop_batch",
            fields=(PROOF,),
            body=BatchRequest,
            answers={200: Answer(description="Read each result", body=BatchAnswer)}
            | {status: NO[status] for status in (400, 401, 403, 413, 415, 503)},
        )
    ),
    status_code=200,
)
async def batch(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Disclose under many grants."""
    house: House = request.app.state.house
    headers, proofs = headers_of(request.scope)
    token_hash, proof = dpop_token(house, headers, proofs, method="POST", path=_PATH)
    if not is_json(headers):
        return respond(*problem("unsupported_media_type"))
    body = await read_body(request.receive, headers, BODY_LIMIT)
    try:
        items = [_item(one) for one in _REQUEST.decode(body).items]
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise BadInput(
            f"the body has 1 to {MOST_ITEMS} items, each with grant_id, attributes and idempotency_key"
        ) from None
    gathered = await gathering.gather(house, token_hash=token_hash, proof=proof, items=items)
    answer = BatchAnswer(
        [_result(gathered, one) for one in gathered.results],
        [BatchProof(one.note, [b64encode(step).decode() for step in one.hashes]) for one in gathered.proofs],
    )
    return respond(*as_json(answer))


def _item(sent: BatchItem) -> Item:
    attributes = frozenset(sent.attributes)
    # A pattern of Python's lets a line end pass behind the id.
    if not is_id(sent.grant_id) or len(attributes) != len(sent.attributes):
        raise BadInput("a grant_id is of another form, or an attribute is named twice")
    # As alone: so an item can be repeated at the other door.
    body = hashlib.sha256("\0".join(sorted(attributes)).encode()).digest()
    return Item(
        sent.grant_id, Wanted(attributes, hashlib.sha256(sent.idempotency_key.encode()).digest(), body)
    )


def _result(gathered: Gathered, one: gathering.Given | gathering.Refused | Exception) -> BatchResult:
    if isinstance(one, gathering.Given):
        return BatchResult(
            disclosure=BatchDisclosure(
                one.disclosure,
                one.grant,
                one.given_by,
                shown_values(one.values),
                shown_entry(one.entry.leaf, one.entry.opening, with_detail=True),
                gathered.places[one.entry.place],
            )
        )
    _, headers, body = api_error(one) if isinstance(one, Exception) else refusal(one.reason)
    said, wait = _PROBLEM.decode(body), headers.get("retry-after")
    again = one if isinstance(one, InsufficientUserAuthentication) else None
    old = one.entry if isinstance(one, gathering.Refused) else None
    return BatchResult(
        problem=BatchProblem(
            status=said.status,
            code=said.code,
            title=said.title,
            detail=said.detail,
            next=said.next,
            retry_after=int(wait) if wait is not None else None,
            acr_values=again.acr if again is not None else None,
            max_age=again.max_age if again is not None else None,
            entry=shown_entry(old.leaf, old.opening, with_detail=False) if old else None,
            proof=gathered.places[old.place] if old else None,
        )
    )


HANDLERS = (batch,)
