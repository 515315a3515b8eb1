"""A client is gone for good; what citizens had allowed it ends, a few at a time.

It opened nothing from the first moment on: this only writes it down, grant by grant, so that each citizen reads it.
"""

from consent.storage.kinds import GRANT

from .ending import MOST_AT_ONCE, end_found
from .scribe import Deed


def close() -> Deed[int]:
    """A deed that ends live grants of removed clients, at most a hundred; returns how many."""
    orphaned = GRANT.by("of_removed", MOST_AT_ONCE)
    return end_found(orphaned, "revoke", by="organisation", reason="organisation_asked")
