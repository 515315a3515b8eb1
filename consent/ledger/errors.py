"""What can be wrong with a piece of a log: one error, whose text names the rule and never the piece."""

from consent.words.errors import ConsentError


class LedgerError(ConsentError):
    """A leaf, tile, checkpoint, proof or record is malformed, or does not prove what it should."""

    code = "ledger"
