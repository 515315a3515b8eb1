"""Whether the operator's approvals behind a grant still hold: its organisation, its client and its purpose."""

from functools import lru_cache

from consent.grants.decide import Standing
from consent.grants.grant import Grant
from consent.storage.book import Book
from consent.storage.kinds import CLIENT, ORGANISATION, PURPOSE, Ask


@lru_cache(maxsize=4096)
def asks_for_standing(client: str, organisation: str, purpose: str, version: int) -> tuple[Ask, ...]:
    """The rows that `standing_of` reads."""
    return CLIENT.one(client), ORGANISATION.one(organisation), PURPOSE.one(purpose, version)


def standing_of(book: Book, grant: Grant) -> Standing:
    """Whether the operator's approvals still hold: asked for with ORGANISATION, CLIENT and PURPOSE of the grant."""
    organisation = book.get(ORGANISATION, grant.organisation)
    client = book.get(CLIENT, grant.client)
    purpose = book.get(PURPOSE, (grant.purpose, grant.purpose_version))
    return Standing(
        organisation=organisation is not None and organisation.status == "approved",
        client=client is not None and client.status == "approved",
        purpose=purpose is not None and purpose.status == "approved",
    )
