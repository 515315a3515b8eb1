"""The organisation's memory of the log: whose key, which checkpoint last, and is the story still one story?

Each receipt carries a checkpoint. It counts only under the log's pinned key, and only if it continues the
last one that was accepted: then every organisation that receives data also guards the log.
"""

import asyncio
import hashlib
import re
from typing import Any

import httpx
import msgspec

from .encoding import read_json
from .errors import Forked, ProofError
from .merkle import HASH_BYTES, Node, Tile, cover, hash_in_tile, leaf_hash, roots, tile_of
from .note import (
    Checkpoint,
    InclusionProof,
    LogKey,
    check_checkpoint,
    keys_in_policy,
    read_log_key,
    read_proof,
    unverified_origin,
)
from .policy import Policy, Witness, signers
from .rotation import (
    bundle_path,
    changed,
    entry_in,
    has_unknown_line,
    places,
    read_change,
    remembered_keys,
    write_keys,
)
from .store import Store

_LOG_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,31})")


class Log:
    """Accepts checkpoints of the service's logs, one story each."""

    def __init__(
        self,
        issuer: str,
        *,
        keys: list[str],
        store: Store,
        prefix: str,
        http: httpx.AsyncClient,
        policy: Policy | None = None,
    ) -> None:
        """*keys* are verifier keys that you got from somewhere you trust; then no other log is believed.

        Without them the key of a log is taken from its policy at first use, and pinned in *store* for good.
        *policy* says which witnesses you trust as well. Raises ValueError for a key that cannot be read.
        """
        self._policy = policy or Policy()
        self._issuer = issuer
        self._given = [*(read_log_key(key) for key in keys), *self._policy.logs]
        self._store = store
        self._prefix = prefix
        self._http = http
        self._turn = asyncio.Lock()

    async def accept(self, note: str) -> Checkpoint:
        """Check the signed checkpoint *note* against key and memory, then remember it.

        Raises ProofError (signature, consistency), or Forked with both notes as evidence.
        """
        origin = unverified_origin(note)
        keys = await self._keys(origin)
        try:
            if has_unknown_line(note, keys):
                keys = await self._follow(origin, keys)
            new = check_checkpoint(note, keys)
        except ValueError as error:
            raise ProofError("signature", str(error)) from None
        async with self._turn:
            name = f"{self._prefix}checkpoint {origin}"
            kept_note = await self._store.get(name)
            if kept_note is None:
                await self._store.put(name, note)
                return new
            try:
                kept = check_checkpoint(kept_note, keys)
            except ValueError:
                raise ProofError(
                    "signature",
                    "the checkpoint that was kept is signed with a key that was retired before it",
                    evidence={"kept": kept_note, "seen": note},
                ) from None
            await self._check_one_story(kept, new)
            # Answers can overtake each other: an older checkpoint is checked, but never replaces a newer one.
            if new.size > kept.size:
                await self._store.put(name, note)
        return new

    def is_witnessed(self, note: str) -> bool:
        """Answer whether the quorum of your policy signed *note*, a checkpoint that was accepted. Raises ProofError."""
        try:
            return self._policy.is_met(note)
        except ValueError as error:
            raise ProofError("witness", str(error)) from None

    async def newer_proof(self, origin: str, index: int) -> InclusionProof | None:
        """The proof that the log gives now for its entry *index*, not yet checked; None when it gives none."""
        text = await self._get(origin, f"proof/{index}")
        try:
            return read_proof(text.decode()) if text is not None else None
        except ValueError:
            raise ProofError("proof", "the log's proof cannot be read") from None

    async def compare(self) -> list[str]:
        """Ask the witnesses of your policy what they signed last, and hold it against what you were shown.

        Returns the names of those that answered, and agree. Raises Forked when the log showed one of them another
        history, ProofError when it cannot show that both are one.
        """
        agree = []
        doubt: ProofError | None = None
        for name, witness in self._policy.witnesses.items():
            for origin in {key.name for key in self._given} if witness.url else ():
                note = await self._seen_by(witness, origin)
                if note is None:
                    continue
                try:
                    if name not in signers(note, {name: witness}):
                        continue  # it says so without its signature: that is nobody's word
                except ValueError:
                    continue
                try:
                    await self.accept(note)
                    agree.append(name)
                except ProofError as error:
                    doubt = doubt or error  # another witness may prove what here is only a doubt
        if doubt is not None:
            raise doubt
        return agree

    async def _seen_by(self, witness: Witness, origin: str) -> str | None:
        place = hashlib.sha256(origin.encode()).hexdigest()
        try:
            answer = await self._http.get(f"{witness.url}/{place}/checkpoint", follow_redirects=False)
            return answer.text if answer.status_code == 200 else None
        except httpx.HTTPError:
            return None

    async def _keys(self, origin: str) -> list[LogKey]:
        return await self._with_followed(origin, await self._pinned(origin))

    async def _pinned(self, origin: str) -> list[LogKey]:
        if self._given:
            keys = [key for key in self._given if key.name == origin]
            if not keys:
                raise ProofError("signature", "the log is not one of the pinned logs")
            return keys
        self._log_name(origin)
        name = f"{self._prefix}log-key {origin}"
        pinned = await self._store.get(name)
        if pinned is None:
            policy = await self._get(origin, "policy")
            try:
                found = keys_in_policy(policy.decode("utf-8"), origin) if policy else []
            except ValueError:
                found = []
            if not found:
                raise ProofError("signature", "the log does not publish its key")
            pinned = await self._store.keep(name, "\n".join(key.vkey for key in found))
        return [read_log_key(vkey) for vkey in pinned.split("\n")]

    async def _with_followed(self, origin: str, pinned: list[LogKey]) -> list[LogKey]:
        """*pinned*, and what the log went on to from exactly these keys."""
        kept = await self._store.get(f"{self._prefix}log-keys {origin}")
        if kept is None:
            return pinned
        memory = read_json(kept.encode(), dict[str, Any])
        return remembered_keys(memory["keys"]) if memory["from"] == write_keys(pinned) else pinned

    async def _follow(self, origin: str, keys: list[LogKey]) -> list[LogKey]:
        """The keys that the log has changed to since, as far as those that we know signed for it."""
        pinned = await self._pinned(origin)
        listing = await self._get(origin, "keys")
        for index, vkey in places(listing.decode("utf-8", "replace")) if listing else []:
            if not any(key.vkey == vkey and key.until >= index for key in keys):
                continue
            try:
                added, retired = await self._entry(origin, index - 1), await self._entry(origin, index)
                change = read_change(index, added, retired, keys)
                before = await self._hashes(change.last, cover(0, index - 1))
                _, root = roots(index - 1, index, before | {Node(0, index - 1): leaf_hash(added)})
            except (ValueError, ProofError):
                continue
            if root == change.last.root:
                keys = changed(keys, change)
                memory = {"from": write_keys(pinned), "keys": write_keys(keys)}
                await self._store.put(
                    f"{self._prefix}log-keys {origin}", msgspec.json.encode(memory).decode()
                )
        return keys

    async def _entry(self, origin: str, index: int) -> bytes:
        part, whole = bundle_path(index)
        bundle = await self._get(origin, part) or await self._get(origin, whole) or b""
        return entry_in(bundle, index % 256)

    def _log_name(self, origin: str) -> str:
        host, separator, name = origin.rpartition("/log/")
        if not separator or not _LOG_NAME.fullmatch(name):
            raise ProofError("origin", "the checkpoint is not of a log of this service")
        # A log of another host could have any key that its owner likes.
        if not self._given and host != self._issuer.partition("://")[2]:
            raise ProofError("origin", "the checkpoint is not of a log of this service")
        return name

    async def _check_one_story(self, kept: Checkpoint, new: Checkpoint) -> None:
        if kept.size == new.size:
            if kept.root != new.root:
                await self._report(kept, new)
            return
        small, large = sorted((kept, new), key=lambda checkpoint: checkpoint.size)
        nodes = cover(0, small.size) + cover(small.size, large.size)
        try:
            hashes = await self._hashes(large, nodes)
            small_root, large_root = roots(small.size, large.size, hashes)
            if large_root != large.root:
                raise ProofError("consistency", "the published tiles do not give the signed root")
        except ProofError as error:
            # Not yet a fork for all to see; but a log that owes this proof gave both, so both are kept.
            error.evidence = {"kept": kept.note, "seen": new.note}
            await self._store.put(f"{self._prefix}doubt {kept.origin}", f"{kept.note}\n{new.note}")
            raise
        if small_root != small.root:
            await self._report(kept, new)

    async def _report(self, kept: Checkpoint, new: Checkpoint) -> None:
        # The evidence outlives this process: two signatures that contradict each other convince anyone.
        await self._store.put(f"{self._prefix}fork {kept.origin}", f"{kept.note}\n{new.note}")
        raise Forked(kept.origin, kept=kept.note, seen=new.note)

    async def _hashes(self, tree: Checkpoint, nodes: list[Node]) -> dict[Node, bytes]:
        tiles = sorted({tile_of(node, tree.size) for node in nodes})
        rows = dict(
            zip(tiles, await asyncio.gather(*(self._row(tree.origin, t) for t in tiles)), strict=True)
        )
        return {node: hash_in_tile(node, rows[tile_of(node, tree.size)]) for node in nodes}

    async def _row(self, origin: str, tile: Tile) -> bytes:
        row = await self._get(origin, tile.path)
        if row is None and tile.path != tile.full_path:
            row = await self._get(origin, tile.full_path)
        wanted = tile.width * HASH_BYTES
        if row is None or len(row) < wanted:
            raise ProofError("consistency", "the log does not publish the tiles of its own checkpoint")
        return row[:wanted]

    async def _get(self, origin: str, path: str) -> bytes | None:
        url = f"{self._issuer}/log/{self._log_name(origin)}/{path}"
        try:
            answer = await self._http.get(url, follow_redirects=False)
        except httpx.HTTPError:
            return None
        return answer.content if answer.status_code == 200 else None
