"""Who else has to have seen a checkpoint before it counts: witnesses, and how many organisations of them (tlog-policy).

Keys prove nothing about independence: whoever runs ten witnesses is still one. So the quorum counts organisations.
"""

from collections.abc import Collection, Iterable, Sequence

import msgspec

from consent.ledger.checkpoint import ED25519_COSIGNATURE, ML_DSA_44, parse_vkey
from consent.ledger.errors import LedgerError


class Witness(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A witness: its public key, where it answers (tlog-witness), and whose it is."""

    vkey: str
    url: str
    organisation: str

    @property
    def name(self) -> str:
        """Its key name, by which a policy refers to it."""
        return self.vkey.partition("+")[0]


class WitnessPolicy(msgspec.Struct, frozen=True):
    """The witnesses of a log, and of how many organisations one must have signed; 0: of more than half."""

    witnesses: tuple[Witness, ...] = ()
    quorum: int = 0

    @property
    def organisations(self) -> list[str]:
        return sorted({witness.organisation for witness in self.witnesses})

    @property
    def needed(self) -> int:
        """The number of organisations that makes the quorum; 0 without witnesses."""
        return self.quorum or (len(self.organisations) // 2 + 1 if self.witnesses else 0)

    def is_met(self, vkeys: Collection[str]) -> bool:
        """Answer whether these keys, whose lines were checked, are enough."""
        return len({w.organisation for w in self.witnesses if w.vkey in vkeys}) >= self.needed


def check_policy(policy: WitnessPolicy) -> None:
    """Refuse what no checkpoint could meet, or what would be counted twice. Raises LedgerError."""
    keys = [parse_vkey(witness.vkey) for witness in policy.witnesses]
    if any(key.algorithm not in (ED25519_COSIGNATURE, ML_DSA_44) for key in keys):
        raise LedgerError("the key of a witness is for cosignatures (type 04 or 06)")
    if len({key.public for key in keys}) < len(keys) or len({key.name for key in keys}) < len(keys):
        raise LedgerError("a witness is named twice, or two witnesses share a name or a key")
    if any(not name or not name.isprintable() or " " in name for name in policy.organisations):
        raise LedgerError("the organisation of a witness is one word")
    if not 0 <= policy.quorum <= len(policy.organisations):
        raise LedgerError("the quorum is a number of organisations that run witnesses")


def format_policy(log_vkeys: Iterable[str], policy: WitnessPolicy) -> str:
    """The same for outsiders: each organisation a group of its witnesses, and the quorum a group of these."""
    lines = [f"log {vkey}" for vkey in log_vkeys]
    lines += [f"witness {w.name} {w.vkey} {w.url}" for w in policy.witnesses]
    for organisation in policy.organisations:
        lines.append(f"group org:{organisation} any {_names(policy.witnesses, organisation)}")
    if policy.witnesses:
        members = " ".join(f"org:{organisation}" for organisation in policy.organisations)
        lines.append(f"group org-quorum {policy.needed} {members}")
    lines.append("quorum org-quorum" if policy.witnesses else "quorum none")
    return "".join(f"{line}\n" for line in lines)


def _names(witnesses: Sequence[Witness], organisation: str) -> str:
    return " ".join(witness.name for witness in witnesses if witness.organisation == organisation)
