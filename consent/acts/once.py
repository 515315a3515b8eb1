"""A proof or assertion works once. The check is a row of the same transaction as what the proof allows, so a replay
is refused on every process and after every restart."""

import hashlib

import msgspec

from consent.oauth.clients import AssertionUse
from consent.oauth.dpop import Proof
from consent.storage.book import Book
from consent.storage.kinds import USED, Ask
from consent.storage.rows import Used
from consent.words.canonical import length_prefixed
from consent.words.errors import InvalidClient, InvalidDpopProof

from .allowance import Mark, asks_to_count, count


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """A client that proved who it is, and the proofs it did that with: each can be spent once."""

    client: str
    proof: Proof | None
    assertion: AssertionUse
    needs_nonce: bool = False  # so do the proofs with the tokens that it gets
    marks: tuple[Mark, ...] = ()  # what this request uses up of somebody's allowance

    @property
    def assertion_hash(self) -> bytes:
        """What is remembered of the assertion: a `jti` is unique per client."""
        return hashlib.sha256(length_prefixed(self.client.encode(), self.assertion.jti.encode())).digest()


def asks(caller: Caller) -> list[Ask]:
    """The rows to read before `spend`."""
    found = [USED.one(caller.assertion_hash), *asks_to_count(caller.marks)]
    if caller.proof is not None:
        found.append(USED.one(caller.proof.jti_hash))
    return found


def spend(book: Book, caller: Caller) -> None:
    """Use up a client's assertion and proof, and one request of its allowance.

    Raises InvalidClient (RFC 7523 §3-7) or InvalidDpopProof on a replay, TooManyRequests.
    """
    if book.get(USED, caller.assertion_hash) is not None:
        raise InvalidClient("this client assertion has been used before; make a new one for each request")
    if caller.proof is not None:
        _check_fresh(book, caller.proof)
    count(book, caller.marks)  # the last that can say no, and the first that writes
    if caller.proof is not None:
        spend_proof(book, caller.proof)
    book.put(USED, Used(hash=caller.assertion_hash, expires_at=caller.assertion.expires_at))


def spend_proof(book: Book, proof: Proof) -> None:
    """Use up a DPoP proof. Raises InvalidDpopProof on a second use (RFC 9449 §11.1)."""
    _check_fresh(book, proof)
    book.put(USED, Used(hash=proof.jti_hash, expires_at=proof.expires_at))


def _check_fresh(book: Book, proof: Proof) -> None:
    if book.get(USED, proof.jti_hash) is not None:
        raise InvalidDpopProof("this proof has been used before; make a new one for each request")
