"""The log asks its witnesses to sign what it signed: C2SP tlog-witness, from the side of the log."""

import asyncio
import hashlib
import itertools
from base64 import b64encode
from typing import Literal

import msgspec

from consent.ledger.checkpoint import (
    ED25519,
    Checkpoint,
    check_checkpoint,
    parse_body,
    parse_note,
    parse_vkey,
    signature_line,
)
from consent.ledger.cosignature import check_cosignature
from consent.ledger.entry import LEAF_BYTES
from consent.ledger.errors import LedgerError
from consent.ledger.proof import format_proof
from consent.ledger.tiles import consistency_needs, consistency_proof_from
from consent.ledger.witness import SIZE_MEDIA, format_submission, parse_size
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import HEAD
from consent.storage.logs import bucket_of
from consent.storage.rows import CLOSED, LogKey
from consent.storage.store import Statement
from consent.words.errors import NotReached
from consent.words.instants import DAY, SECOND

from .house import House
from .policy import Witness
from .publish import checkpoint, inclusion, keys, leaf_of, tiles_of

# `diverged`: it saw another history, or a longer one than we have: we have lost what we signed, or somebody else signs.
Failure = Literal["not_reached", "refused", "wrong_signature", "diverged"]


class Asked(msgspec.Struct, frozen=True):
    """What one submission came to: the size that this witness is known to have signed and its line, or why not."""

    size: int
    failure: Failure | None = None
    line: str | None = None


class LastSeen(msgspec.Struct, frozen=True):
    """What a witness says that it saw last of a log: a size, and the checkpoint if it shows it; or why not.

    A size of 0: it never saw this log. The checkpoint bears the signature of the log; a size alone is a claim.
    """

    witness: Witness
    size: int | None = None
    checkpoint: Checkpoint | None = None
    note: str | None = None
    failure: Failure | None = None


async def candidate(house: House, log: str) -> tuple[int, str]:
    """The checkpoint to have witnessed next: the newest that has all signatures of the log itself."""
    note = await checkpoint(house, log, witnessed=False)
    return parse_body(parse_note(note).body).size, note


async def submit(house: House, log: str, witness: Witness, *, old: int, size: int, note: str) -> Asked:
    """Have *note* (of *size* entries) signed by a witness that saw *old* when we last heard; keeps its line."""
    asked = await ask(house, log, witness, old=old, size=size, note=note)
    if asked.line is not None:
        await _keep(house, log, size, witness, asked.line)
    return asked


async def ask(house: House, log: str, witness: Witness, *, old: int, size: int, note: str) -> Asked:
    """The same, but what it signs is not kept: the timekeeper hears its time.

    A witness that remembers another size is asked once more, from there.
    """
    for again in (False, True):
        proof = await _growth(house, log, old, size)
        try:
            reply = await house.to_witnesses.send(
                "POST", f"{witness.url}/add-checkpoint", format_submission(old, proof, note).encode()
            )
        except NotReached:
            return Asked(old, "not_reached")
        if reply.status == 200:
            signed = _line_of(witness, note.partition("\n\n")[0].encode() + b"\n\n" + reply.body)
            if signed is None:
                return Asked(old, "wrong_signature")
            house.timekeeper.heard(witness.organisation, signed.at * SECOND)
            return Asked(size, line=signed.line)
        if reply.status == 422:
            return Asked(old, "diverged")
        if reply.status != 409 or reply.headers.get("content-type", "").partition(";")[0] != SIZE_MEDIA:
            return Asked(old, "refused")
        try:
            remembered = parse_size(reply.body.decode("ascii", "replace"))
        except LedgerError:
            return Asked(old, "refused")
        if remembered > size:
            # Another process of ours may have asked about a later head meanwhile; if not, we have lost entries.
            ahead = remembered > (await candidate(house, log))[0]
            return Asked(old, "diverged" if ahead else None)
        if remembered == old or again:
            return Asked(old, "diverged" if remembered == old == size else "refused")
        old = remembered
    raise AssertionError("the second try returns")


async def lead(house: House, log: str, witness: Witness) -> bool:
    """Show a witness that refuses *log* how it came to its key: by a change of key, or from the log of last year.

    A witness of ours goes on by itself (`POST /follow`); any other has to be told by whoever runs it. Answers whether
    it followed.
    """
    followed = False
    for key in await keys(house, log):
        if key.retired is None or key.lost:
            continue
        ends = msgspec.json.decode((await leaf_of(house, log, key.retired))[LEAF_BYTES:])
        # It has to know the checkpoint that ends with the new key; a witness that is further needs none of this.
        if (await ask(house, log, witness, old=0, size=key.retired, note=ends["last"])).failure is None:
            followed |= await _show(house, log, witness, key.retired, ends["last"])
    if not followed:
        heads = [HEAD.from_row(row) for row in await house.store.read("head.all")]
        heads = [one for one in heads if bucket_of(one.log) == bucket_of(log)]
        before = [
            one for one, after in itertools.pairwise(heads) if after.log == log and one.frozen == CLOSED
        ]
        for head in before:
            followed = await _show(house, head.log, witness, head.size, head.note)
    return followed


async def _show(house: House, log: str, witness: Witness, size: int, note: str) -> bool:
    proof = format_proof(size - 1, await inclusion(house, log, size - 1, size), note)
    shown = f"{b64encode(await leaf_of(house, log, size - 1)).decode()}\n{proof}"
    try:
        reply = await house.to_witnesses.send("POST", f"{witness.url}/follow", shown.encode())
    except NotReached:
        return False
    return reply.status == 200


async def settle(house: House, log: str, size: int) -> bool:
    """Note that the checkpoint of *size* is witnessed, if by now it is. Answers whether it is."""
    lines = await house.store.read("cosignature.of_size", log, size)
    if not house.quorum.policy.is_met([key for key, _, _ in lines]):
        return False

    def story(book: Book) -> Story[None]:
        yield TURN
        book.also(Statement("witnessed.put", [(log, size, book.at)]))
        book.also(Statement("witnessed.fade", [(log, size, book.at - DAY)]))

    await house.scribe.do(story)
    house.quorum.moved()
    return True


async def last_seen(house: House, log: str, note: str) -> list[LastSeen]:
    """Ask all witnesses at once what they saw last of *log*; *note* is our newest checkpoint of it.

    A witness that lets itself be read tells the root, signed by the log and by itself. Of any other only the size is
    known: it is asked to sign *note* as the first that it ever saw, and says what it has instead.
    """
    witnesses = house.quorum.policy.witnesses
    return list(await asyncio.gather(*(seen_by(house, log, one, note) for one in witnesses)))


async def seen_by(house: House, log: str, witness: Witness, note: str) -> LastSeen:
    """The same of one witness."""
    ours = parse_body(parse_note(note).body)
    try:
        reply = await house.to_witnesses.send("GET", _place(witness, ours.origin), b"")
        if reply.status == 200:
            return _read(witness, await keys(house, log), ours, reply.body)
        first = format_submission(0, [], note).encode()
        reply = await house.to_witnesses.send("POST", f"{witness.url}/add-checkpoint", first)
    except NotReached:
        return LastSeen(witness, failure="not_reached")
    if reply.status == 200:
        return LastSeen(witness, 0)
    try:
        if reply.status == 409:
            return LastSeen(witness, parse_size(reply.body.decode("ascii", "replace")))
    except LedgerError:
        pass
    return LastSeen(witness, failure="refused")


async def is_known(house: House, origin: str) -> bool:
    """Ask all witnesses whether one of them has signed a log of this origin, under whatever key."""

    async def by(witness: Witness) -> bool:
        try:
            reply = await house.to_witnesses.send("GET", _place(witness, origin), b"")
        except NotReached:
            return False
        seen = _cosigned(witness, reply.body) if reply.status == 200 else None
        return seen is not None and seen.origin == origin

    return any(await asyncio.gather(*map(by, house.quorum.policy.witnesses)))


def _place(witness: Witness, origin: str) -> str:
    return f"{witness.url}/{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint"


def _read(witness: Witness, listed: list[LogKey], ours: Checkpoint, answer: bytes) -> LastSeen:
    """What a witness saw last of a log, whose keys are *listed*, when we have it as far as *ours*."""
    seen = _cosigned(witness, answer)
    if seen is None or seen.origin != ours.origin:
        return LastSeen(witness, failure="wrong_signature")
    # What a lost key signed proves nothing: whoever found it could freeze the log.
    signers = [key.key for key in listed if not key.lost and parse_vkey(key.key).algorithm == ED25519]
    try:
        return LastSeen(witness, seen.size, check_checkpoint(answer.decode(), signers), answer.decode())
    except LedgerError:
        lost = {parse_vkey(key.key).key_id for key in listed if key.lost}
        is_lost = any(line.key_id in lost for line in parse_note(answer.decode()).signatures)
    if is_lost or seen.size <= ours.size:
        return LastSeen(witness, failure="wrong_signature")
    # Perhaps under a key of later, of which an older copy of the database knows nothing.
    return LastSeen(witness, seen.size)


def _cosigned(witness: Witness, answer: bytes) -> Checkpoint | None:
    """The checkpoint that a witness shows, if it bears its own line; that of the log is not looked at."""
    try:
        return parse_body(parse_note(answer.decode()).body) if _line_of(witness, answer) else None
    except (LedgerError, UnicodeDecodeError):
        return None


class _Line(msgspec.Struct, frozen=True):
    """A line of a witness, and when it signed, in seconds."""

    line: str
    at: int


def _line_of(witness: Witness, note: bytes) -> _Line | None:
    """The line of *witness* under *note*, checked; lines of keys that we did not ask are passed over."""
    key = parse_vkey(witness.vkey)
    try:
        parsed = parse_note(note.decode())
        for line in parsed.signatures:
            if (line.name, line.key_id) == (key.name, key.key_id):
                at = check_cosignature(line, key, parsed.body)
                return _Line(signature_line(line.name, line.key_id, line.signature), at)
    except (LedgerError, UnicodeDecodeError):
        return None
    return None


async def _growth(house: House, log: str, old: int, size: int) -> list[bytes]:
    return consistency_proof_from(old, size, await tiles_of(house.store, log, consistency_needs(old, size)))


async def _keep(house: House, log: str, size: int, witness: Witness, line: str) -> None:
    def story(book: Book) -> Story[None]:
        yield TURN
        book.also(Statement("cosignature.put", [(log, size, witness.vkey, line, book.at)]))

    await house.scribe.do(story)
