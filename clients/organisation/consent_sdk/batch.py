"""Many permissions in one request: each item is answered by itself, and all receipts are checked before any data.

The service sends one checkpoint and one set of hashes for all entries. From them each item gets a receipt of its own,
to the letter as if it had been fetched alone.
"""

import secrets
from collections.abc import Mapping, Sequence

import msgspec

from .answers import Arrangement, Attribute, Disclosure, Entry
from .encoding import b64_bytes
from .errors import ProofError, ProtocolError, Refused, StepUpNeeded, Unreachable
from .log import Log
from .merkle import shared_paths
from .note import Checkpoint, InclusionProof, proof_text
from .receipt import Expected
from .tokens import Tokens
from .trust import Trust
from .wire import Wire, is_code, read_answer, refusal

MOST = 100
_PATH = "/disclosures/batch"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to fetch under one permission. *idempotency_key*: only to repeat an item, with the key it had."""

    arrangement: Arrangement
    attributes: tuple[str, ...]
    idempotency_key: str | None = None


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one item: a disclosure, or the no to it. With `idempotency_key` the item can be repeated."""

    grant_id: str
    idempotency_key: str
    disclosure: Disclosure | None = None
    refused: Refused | None = None


class _Disclosed(msgspec.Struct):
    disclosure_id: str
    grant_id: str
    attributes: dict[str, Attribute]
    entry: Entry
    proof: int


class _Problem(msgspec.Struct):
    status: int
    code: str
    title: str = ""
    detail: str = ""
    retry_after: int | None = None
    acr_values: str = ""
    max_age: int | None = None
    entry: Entry | None = None
    proof: int | None = None


class _Result(msgspec.Struct):
    disclosure: _Disclosed | None = None
    problem: _Problem | None = None


class _Proof(msgspec.Struct):
    checkpoint: str
    hashes: list[str]


class _Answer(msgspec.Struct):
    results: list[_Result]
    proofs: list[_Proof]


class _Proved(msgspec.Struct, frozen=True):
    """One proof of the answer, checked: what each of its entries has as a proof of its own."""

    checkpoint: Checkpoint
    paths: Mapping[int, tuple[bytes, ...]]

    def of(self, index: int) -> InclusionProof:
        return InclusionProof(index, self.paths[index], self.checkpoint.note)


class Batches:
    """Fetches many items in one request."""

    def __init__(self, wire: Wire, tokens: Tokens, log: Log, trust: Trust) -> None:
        self._wire = wire
        self._tokens = tokens
        self._log = log
        self._trust = trust

    async def fetch(self, wanted: Sequence[Wanted]) -> list[Fetched]:
        """What came of each of *wanted*, in their order. See `Organisation.fetch_many`."""
        if not 1 <= len(wanted) <= MOST:
            raise ValueError(f"fetch 1 to {MOST} items at a time")
        items = [
            one
            if one.idempotency_key is not None
            else msgspec.structs.replace(one, idempotency_key=secrets.token_urlsafe(24))
            for one in wanted
        ]
        # What a citizen agreed to since the caller got hold of it counts.
        known = [await self._tokens.remembered(one.arrangement.grant_id) or one.arrangement for one in items]
        now = self._wire.now()
        expected = [
            await self._trust.expected(
                arrangement, one.attributes, now=now, is_repeat=one.idempotency_key is not None
            )
            for arrangement, one in zip(known, wanted, strict=True)
        ]
        answer = await self._asked(items)
        if len(answer.results) != len(items):
            raise ProtocolError("the answer has not one result for each item")
        for one, result in zip(items, answer.results, strict=True):
            _check_form(one, result, proofs=len(answer.proofs))
        proved = [await self._proved(place, answer) for place in range(len(answer.proofs))]
        # All of them first: no data of anybody, unless all that came is right.
        witnessed = [
            await self._accepted(one, what, result.disclosure, proved)
            for one, what, result in zip(items, expected, answer.results, strict=True)
        ]
        return [
            await self._fetched(*each, proved)
            for each in zip(items, expected, answer.results, witnessed, strict=True)
        ]

    async def _asked(self, items: Sequence[Wanted]) -> _Answer:
        body = [
            {
                "grant_id": one.arrangement.grant_id,
                "attributes": sorted(set(one.attributes)),
                "idempotency_key": one.idempotency_key,
            }
            for one in items
        ]
        try:
            answer = await self._tokens.call("POST", _PATH, json={"items": body}, for_batches=True)
            if not answer.is_success:
                raise refusal(answer)
        except Unreachable as error:
            error.wanted = tuple(items)
            raise
        return read_answer(answer, _Answer)

    async def _proved(self, place: int, answer: _Answer) -> _Proved:
        """Check that one proof leads from all entries that name it to the root that the log signed."""
        proof = answer.proofs[place]
        checkpoint = await self._log.accept(proof.checkpoint)
        leaves: dict[int, bytes] = {}
        try:
            for result in answer.results:
                part = result.disclosure or result.problem
                if part is not None and part.entry is not None and part.proof == place:
                    leaf = b64_bytes(part.entry.leaf)
                    if leaves.setdefault(part.entry.opening.i, leaf) != leaf:
                        raise ValueError("two entries at one index")
            steps = [b64_bytes(step, length=32) for step in proof.hashes]
            root, paths = shared_paths(leaves, checkpoint.size, steps)
        except ValueError as error:
            raise ProofError("proof", str(error)) from None
        if root != checkpoint.root:
            raise ProofError("inclusion", "the entries are not in the log at their places")
        return _Proved(checkpoint, paths)

    async def _accepted(
        self, one: Wanted, expected: Expected, got: _Disclosed | None, proved: Sequence[_Proved]
    ) -> bool:
        if got is None:
            return False
        under = proved[got.proof]
        return await self._trust.accept_under(
            one.arrangement.grant_id,
            expected,
            entry=got.entry,
            proof=under.of(got.entry.opening.i),
            checkpoint=under.checkpoint,
            values=got.attributes,
        )

    async def _fetched(
        self,
        one: Wanted,
        expected: Expected,
        result: _Result,
        is_witnessed: bool,
        proved: Sequence[_Proved],
    ) -> Fetched:
        grant_id, key = one.arrangement.grant_id, one.idempotency_key or ""
        if result.disclosure is not None:
            got = result.disclosure
            return Fetched(
                grant_id=grant_id,
                idempotency_key=key,
                disclosure=Disclosure(
                    disclosure_id=got.disclosure_id,
                    grant_id=got.grant_id,
                    values=got.attributes,
                    entry=got.entry,
                    proof=proof_text(proved[got.proof].of(got.entry.opening.i)),
                    provisional=not is_witnessed,
                ),
            )
        assert result.problem is not None  # the form was checked
        refused = _refused(result.problem, proved)
        await self._trust.judge(grant_id, expected, refused)
        return Fetched(grant_id=grant_id, idempotency_key=key, refused=refused)


def _check_form(one: Wanted, result: _Result, *, proofs: int) -> None:
    got, problem = result.disclosure, result.problem
    if (got is None) == (problem is None):
        raise ProtocolError("a result is either a disclosure or a problem")
    if got is not None and got.grant_id != one.arrangement.grant_id:
        raise ProtocolError("a result is about another permission")
    if problem is not None and not is_code(problem.code):
        raise ProtocolError("a problem without a known form")
    place = got.proof if got is not None else problem.proof if problem is not None else None
    if place is not None and not 0 <= place < proofs:
        raise ProtocolError("a result names a proof that is not there")


def _refused(problem: _Problem, proved: Sequence[_Proved]) -> Refused:
    has_entry = problem.entry is not None and problem.proof is not None
    refused = (StepUpNeeded if problem.code == "insufficient_user_authentication" else Refused)(
        problem.code,
        status=problem.status,
        title=problem.title,
        detail=problem.detail,
        entry=msgspec.to_builtins(problem.entry) if has_entry else None,
        proof=proof_text(proved[problem.proof or 0].of(problem.entry.opening.i))
        if problem.entry is not None and problem.proof is not None
        else None,
        retry_after=problem.retry_after,
    )
    if isinstance(refused, StepUpNeeded):
        refused.acr_values, refused.max_age = tuple(problem.acr_values.split()), problem.max_age
    return refused
