"""What earlier receipts fixed, and the whole check of a new one against it.

The first accepted receipt of a permission fixes its key and its place in each log, and under which id the log
knows us. A later receipt that disagrees would be a disclosure under somebody else's permission.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from .answers import Arrangement, Attribute, Entry
from .encoding import b64_bytes, read_json
from .errors import ProofError, Refused
from .log import Log
from .merkle import is_included
from .note import Checkpoint, InclusionProof, proof_text, read_proof
from .receipt import Expected, Opened, check_entry, check_values
from .store import Store


class Trust:
    """Accepts receipts, or not."""

    def __init__(self, log: Log, *, store: Store, prefix: str, organisation: str | None) -> None:
        self._log = log
        self._store = store
        self._prefix = prefix
        self._organisation = organisation

    async def expected(
        self, arrangement: Arrangement, asked: Sequence[str], *, now: int, is_repeat: bool
    ) -> Expected:
        """What a receipt has to say when *asked* was asked at *now* (whole seconds)."""
        return Expected(
            purpose=f"{arrangement.purpose}@{arrangement.purpose_version}",
            attributes=frozenset(asked),
            sub=arrangement.sub,
            now=now,
            asked_at=None if is_repeat else now,
            organisation=self._organisation or await self._store.get(f"{self._prefix}organisation"),
        )

    async def accept(
        self, grant_id: str, expected: Expected, *, entry: Entry, proof: str, values: dict[str, Attribute]
    ) -> bool:
        """Check the whole receipt of *values*; answers whether both keys of the log and the quorum have signed.

        Raises ProofError with the evidence, or Forked.
        """
        try:
            parsed, checkpoint = await self._read(proof)
            return await self._accept(grant_id, expected, entry, parsed, checkpoint, values)
        except ProofError as error:
            error.evidence = {"entry": msgspec.to_builtins(entry), "proof": proof}
            raise

    async def accept_under(
        self,
        grant_id: str,
        expected: Expected,
        *,
        entry: Entry,
        proof: InclusionProof,
        checkpoint: Checkpoint,
        values: dict[str, Attribute],
    ) -> bool:
        """The same under *checkpoint*, that of *proof*, which the log accepted a moment ago."""
        try:
            return await self._accept(grant_id, expected, entry, proof, checkpoint, values)
        except ProofError as error:
            error.evidence = {"entry": msgspec.to_builtins(entry), "proof": proof_text(proof)}
            raise

    async def _accept(
        self,
        grant_id: str,
        expected: Expected,
        entry: Entry,
        proof: InclusionProof,
        checkpoint: Checkpoint,
        values: dict[str, Attribute],
    ) -> bool:
        opened = await self._check_entry(grant_id, expected, entry, proof, checkpoint)
        check_values(entry, values, opened, sub=expected.sub)
        await self._remember(grant_id, checkpoint.origin, opened)
        return checkpoint.is_signed_twice and self._log.is_witnessed(checkpoint.note)

    async def upgrade(self, receipt: Mapping[str, Any]) -> dict[str, Any] | None:
        """The same receipt under a later checkpoint that the quorum signed; None while there is none.

        Raises ProofError or Forked: then keep the old receipt, and the error's evidence.
        """
        try:
            old = read_proof(receipt["proof"])
            leaf = b64_bytes(receipt["entry"]["leaf"])
        except (ValueError, KeyError, TypeError):
            raise ProofError("receipt", "this is not a receipt") from None
        checkpoint = await self._log.accept(old.note)
        if not is_included(leaf, old.index, checkpoint.size, old.path, checkpoint.root):
            raise ProofError("inclusion", "the entry is not in the log at that index")
        if checkpoint.is_signed_twice and self._log.is_witnessed(old.note):
            return dict(receipt)
        new = await self._log.newer_proof(checkpoint.origin, old.index)
        if new is None:
            return None
        later = await self._log.accept(new.note)
        same_place = (later.origin, new.index) == (checkpoint.origin, old.index)
        if not same_place or not is_included(leaf, new.index, later.size, new.path, later.root):
            raise ProofError(
                "inclusion",
                "the log gives a proof that is not of this entry",
                evidence={"receipt": dict(receipt), "seen": new.note},
            )
        if not (later.is_signed_twice and self._log.is_witnessed(new.note)):
            return None
        return {**receipt, "proof": proof_text(new)}

    async def judge(self, grant_id: str, expected: Expected, refused: Refused) -> None:
        """Say in *refused* whether its evidence, the old entry of a repeat, holds. May raise Forked."""
        if refused.entry is None or refused.proof is None:
            return
        try:
            entry = msgspec.convert(refused.entry, Entry)
            await self._check_entry(grant_id, expected, entry, *await self._read(refused.proof))
            refused.is_checked = True
        except (ProofError, msgspec.ValidationError):
            refused.is_checked = False  # a no stays a no; its evidence is only not worth much

    async def _read(self, text: str) -> tuple[InclusionProof, Checkpoint]:
        try:
            proof = read_proof(text)
        except ValueError as error:
            raise ProofError("proof", str(error)) from None
        # Before all else: a fork is to be seen even in a receipt that is wrong in other ways.
        return proof, await self._log.accept(proof.note)

    async def _check_entry(
        self,
        grant_id: str,
        expected: Expected,
        entry: Entry,
        proof: InclusionProof,
        checkpoint: Checkpoint,
    ) -> Opened:
        pin = await self._store.get(self._pin_name(grant_id, checkpoint.origin))
        if pin is not None:
            expected = msgspec.structs.replace(expected, **read_json(pin.encode(), dict[str, Any]))
        return check_entry(entry, proof, checkpoint, expected)

    async def _remember(self, grant_id: str, origin: str, opened: Opened) -> None:
        # Written only now, when all of the receipt holds; and two first receipts at once must agree.
        pin = msgspec.json.encode(
            {"consent_key": opened.consent_key, "grant_index": opened.grant_index}, order="sorted"
        ).decode()
        if await self._store.keep(self._pin_name(grant_id, origin), pin) != pin:
            raise ProofError("same_consent", "the entry belongs to another permission than earlier ones")
        name = f"{self._prefix}organisation"
        if await self._store.keep(name, opened.organisation) != opened.organisation:
            raise ProofError("organisation", "the entry names another organisation")

    def _pin_name(self, grant_id: str, origin: str) -> str:
        return f"{self._prefix}permission {grant_id} {origin}"
