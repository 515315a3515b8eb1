"""`consent witness`: a witness of its own, for whoever wants the logs of others to have one history.

C2SP tlog-witness over a memory of one checkpoint for each log: no personal data, no entry, no account. Whoever
receives data under a log can run one beside it, and is then no longer asked to believe.

    POST /add-checkpoint                      cosigns what continues the last checkpoint
    POST /follow                              takes the key that the last entry of that checkpoint names
    GET  /<sha256 of the origin>/checkpoint   what was cosigned last
    GET  /<sha256 of the origin>/refused      signed by the log and not cosigned: what to look at after a fork
"""

import asyncio
import hashlib
import os
from base64 import b64decode
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from litestar.enums import ScopeType
from litestar.types import Receive, Scope, Send

from consent.keyfiles import make_folder, make_witness_key, read_witness_key
from consent.ledger.checkpoint import (
    ED25519,
    ML_DSA_44,
    Note,
    check_checkpoint,
    parse_body,
    parse_note,
    parse_vkey,
    signature_line,
)
from consent.ledger.cosignature import cosign, cosigner_vkey
from consent.ledger.entry import LEAF_BYTES, is_control
from consent.ledger.errors import LedgerError
from consent.ledger.proof import parse_proof
from consent.ledger.tree import check_inclusion, leaf_hash
from consent.ledger.witness import SIZE_MEDIA, judge, parse_submission
from consent.storage.sightings import Sighting, Sightings
from consent.words.errors import Misconfigured

MOST_OCTETS = 128 * 1024  # a checkpoint with many signatures and 63 hashes
TIME = 10.0  # seconds for the body of a request to arrive
DATABASE = "witness.sqlite3"

_log = structlog.get_logger()
Answer = tuple[int, str, str]  # status, media type, text
_TEXT = "text/plain; charset=utf-8"


class Witness:
    """Answers the questions of a witness; `clock` gives seconds. Its methods block for as long as the disk does."""

    def __init__(
        self,
        *,
        name: str,
        key: Ed25519PrivateKey,
        logs: Iterable[str],
        memory: Sightings,
        clock: Callable[[], int],
    ) -> None:
        """*logs* are the verifier keys of the logs to watch. Raises Misconfigured for one that cannot be read."""
        self.vkey = cosigner_vkey(name, key)
        self._name, self._key, self._memory, self._clock = name, key, memory, clock
        self._logs: dict[str, list[str]] = {}
        for vkey in logs:
            self._logs.setdefault(_log_name(vkey), []).append(vkey)
        # What a log led to counts for as long as the key that led there is watched.
        for vkey, led_by in memory.followed():
            if led_by in [known for keys in self._logs.values() for known in keys]:
                self._watch(vkey)

    @property
    def count(self) -> int:
        """How many logs it watches."""
        return len(self._logs)

    def add_checkpoint(self, text: str) -> Answer:
        """Judge what a log sends, and cosign it when it continues what we saw before."""
        try:
            submission = parse_submission(text)
            parsed = parse_note(submission.note)
            origin = parse_body(parsed.body).origin
        except LedgerError as no:
            return 400, _TEXT, f"{no}\n"
        if origin not in self._logs:
            return 404, _TEXT, "this witness does not watch that log\n"
        try:
            new = check_checkpoint(submission.note, self._logs[origin])
        except LedgerError as no:
            return 403, _TEXT, f"{no}\n"

        signed = self._signed(parsed)

        def decide(last: Sighting | None) -> Sighting | Answer:
            kept = parse_body(parse_note(last.note).body) if last else None
            verdict = judge(submission, new, kept)
            if verdict == "impossible":
                return 400, _TEXT, "the old size is larger than the checkpoint\n"
            if verdict in ("behind", "forked"):
                return 409, SIZE_MEDIA, f"{kept.size if kept else 0}\n"
            if verdict == "unproven":
                return 422, _TEXT, "the proof does not lead from the old size to this checkpoint\n"
            # A clock that was set back must not make the newer of two statements look older.
            now = max(self._clock(), last.at if last else 0)
            return Sighting(signed + cosign(parsed.body, self._name, self._key, at=now), now)

        done = self._memory.move(origin, decide)
        if isinstance(done, Sighting):
            return 200, _TEXT, done.note.removeprefix(signed)
        is_fork = done[0] == 409 and submission.old_size == new.size == int(done[2])
        if is_fork or done[0] == 422:
            self._memory.refuse(origin, signed, self._clock())
            _log.error("not_cosigned", log=origin, size=new.size)
        return done

    def follow(self, text: str) -> Answer:
        """Go on to another key of a log, or to the log of the next year: as the last entry of what we cosigned says.

        *text* is that entry in base64, a newline, and its tlog-proof under the checkpoint that we cosigned last.
        """
        encoded, _, proven = text.partition("\n")
        try:
            leaf, proof = b64decode(encoded, validate=True), parse_proof(proven)
            parsed = parse_note(proof.note)
            checkpoint = parse_body(parsed.body)
            check_inclusion(leaf_hash(leaf), proof.index, checkpoint.size, proof.hashes, checkpoint.root)
            vkey = _named_key(leaf, checkpoint.origin)
        except (LedgerError, ValueError) as no:
            return 400, _TEXT, f"{no}\n" if isinstance(no, LedgerError) else "the entry is not base64\n"
        last = self._memory.last(checkpoint.origin)
        if checkpoint.origin not in self._logs or last is None:
            return 404, _TEXT, "this witness does not watch that log\n"
        if parse_note(last.note).body != parsed.body:
            return 409, SIZE_MEDIA, f"{parse_body(parse_note(last.note).body).size}\n"
        if vkey is None or proof.index != checkpoint.size - 1:
            return 422, _TEXT, "the last entry of the checkpoint does not name a key to follow\n"
        led_by = next(one for one in self._logs[checkpoint.origin] if _is_signed(last.note, one))
        if not self._memory.follow(vkey, led_by, self._clock()):
            return 422, _TEXT, "this witness follows too many keys already\n"
        self._watch(vkey)
        _log.info("followed", log=_log_name(vkey))
        return 200, _TEXT, "followed\n"

    def _watch(self, vkey: str) -> None:
        known = self._logs.setdefault(_log_name(vkey), [])
        if vkey not in known:
            known.append(vkey)

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()

    def _signed(self, note: Note) -> str:
        """The note with the lines of the log's known keys alone, each once: what strangers added is not kept."""
        known = {(key.name, key.key_id) for vkeys in self._logs.values() for key in map(parse_vkey, vkeys)}
        lines = {
            (line.name, line.key_id): signature_line(line.name, line.key_id, line.signature)
            for line in note.signatures
            if (line.name, line.key_id) in known
        }
        return f"{note.body}\n{''.join(lines.values())}"

    def read(self, path: str) -> Answer:
        """What is known of one log, for whoever compares. Nothing here is secret."""
        place, _, what = path.strip("/").partition("/")
        origins = (one for one in self._logs if hashlib.sha256(one.encode()).hexdigest() == place)
        origin = next(origins, None)
        if origin is None or what not in ("checkpoint", "refused"):
            return 404, _TEXT, "there is nothing here\n"
        if what == "refused":
            return 200, _TEXT, "\n".join(self._memory.refused(origin))
        last = self._memory.last(origin)
        return (200, _TEXT, last.note) if last else (404, _TEXT, "nothing of this log was cosigned yet\n")


def application(witness: Witness) -> Callable[[Scope, Receive, Send], Any]:
    """The doors as an ASGI application."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            return
        does = {"/add-checkpoint": witness.add_checkpoint, "/follow": witness.follow}.get(scope["path"])
        if scope["method"] == "POST" and does is not None:
            body = await _body(receive)
            # In a thread of its own: while one submission waits for the disk, others are read.
            answer = await asyncio.to_thread(does, body) if isinstance(body, str) else body
        elif scope["method"] in ("GET", "HEAD"):
            answer = await asyncio.to_thread(witness.read, scope["path"])
        else:
            answer = 405, _TEXT, "POST /add-checkpoint or GET\n"
        status, media, text = answer
        headers = [(b"content-type", media.encode()), (b"cache-control", b"no-store")]
        if status == 405:
            headers.append((b"allow", b"GET, HEAD, POST"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        octets = b"" if scope["method"] == "HEAD" else text.encode()
        await send({"type": "http.response.body", "body": octets, "more_body": False})

    return app


async def _body(receive: Receive) -> str | Answer:
    """The body as text, bounded in size and time; or the answer to one that is not."""
    octets = b""
    try:
        async with asyncio.timeout(TIME):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return 400, _TEXT, "the request ended too early\n"
                octets += message["body"]
                if len(octets) > MOST_OCTETS:
                    return 413, _TEXT, "a submission has at most 128 KiB\n"
                if not message["more_body"]:
                    return octets.decode()
    except TimeoutError:
        return 408, _TEXT, "the request did not arrive in time\n"
    except UnicodeDecodeError:
        return 400, _TEXT, "a submission is text in UTF-8\n"


def open_witness(folder: Path, *, name: str, logs: Iterable[str], clock: Callable[[], int]) -> Witness:
    """Open a witness's folder, or make key and memory when it has neither.

    Raises Misconfigured when there is a key and no memory: such a witness would cosign a second history.
    """
    database = folder / DATABASE
    has_key = (folder / "keys" / "witness.key").exists()
    if has_key and not database.exists():
        raise Misconfigured(
            "this witness has a key and has lost its memory; restore it, or retire this witness and begin another "
            "in an empty folder"
        )
    make_folder(folder)
    # The memory first: if we crash before the key is there, nothing was signed and the next start goes on.
    os.close(os.open(database, os.O_WRONLY | os.O_CREAT, 0o600))
    memory = Sightings(database)
    if not has_key:
        make_witness_key(folder, name)
    own, key = read_witness_key(folder)
    if name and name != own:
        raise Misconfigured("this witness has another name; whoever trusts it knows it by that")
    return Witness(name=own, key=key, logs=logs, memory=memory, clock=clock)


def _named_key(leaf: bytes, origin: str) -> str | None:
    """The key that an entry says to follow: a new one of this log, or that of the next log of the same service."""
    if not is_control(leaf):
        return None
    try:
        said = msgspec.json.decode(leaf[LEAF_BYTES:], type=dict[str, Any])
        vkey = {"log.closed": said.get("next"), "key.added": said.get("key")}[said["ev"]]
        key = parse_vkey(str(vkey))
    except (LedgerError, msgspec.DecodeError, KeyError, TypeError):
        return None
    is_next = said["ev"] == "log.closed" and key.name != origin and _service(key.name) == _service(origin)
    is_new = said["ev"] == "key.added" and key.name == origin
    is_meant = is_new if key.algorithm == ML_DSA_44 else is_next or (is_new and key.algorithm == ED25519)
    return str(vkey) if is_meant else None


def _service(origin: str) -> str:
    return origin.rpartition("/log/")[0]


def _is_signed(note: str, vkey: str) -> bool:
    try:
        check_checkpoint(note, [vkey])
    except LedgerError:
        return False
    return True


def _log_name(vkey: str) -> str:
    try:
        key = parse_vkey(vkey)
    except LedgerError as no:
        raise Misconfigured(f"the key of a log cannot be read: {no}") from None
    if key.algorithm not in (ED25519, ML_DSA_44):
        raise Misconfigured("a log is watched under a key of its own: Ed25519, and ML-DSA-44 if you like")
    return key.name
