"""An organisation hears that something about a grant changed: written in the commit that made it true, sent after it.

    the act        the row stands in the same transaction as what it tells
    claim          one process takes a due row for a while
    send           outside every transaction: a slow receiver holds up nobody
    settle         delivered, or the next try

A crash between two of these sends a second time, under the same id, and never too little.
"""

import msgspec
from msgspec.structs import replace

from consent.grants.grant import Grant
from consent.oauth.jose import sign_jws
from consent.oauth.signals import MOST_TRIES, SET_TYPE, SignalEvent, event_claims, wait_after
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CLIENT, DISCLOSED, GRANT, SIGNAL, Ask
from consent.storage.rows import Signal
from consent.storage.store import Statement
from consent.words.errors import NotFound
from consent.words.ids import id_from, is_id
from consent.words.instants import HOUR, SECOND

from .approve import settings_from
from .house import House
from .scribe import Deed

LEASE = 20 * SECOND  # longer than any one try may take
MOST_CLIENTS = 256


def signal(book: Book, grant: Grant, event: SignalEvent, *, attributes: tuple[str, ...] = ()) -> None:
    """Write down that the client of *grant* has to hear of *event*; *attributes* are names. SIGNAL needs no asking.

    For every act that changes a grant from elsewhere than the client itself, in its turn, beside the entry.
    """
    book.put(
        SIGNAL,
        Signal(
            id=id_from(book.chance(16)),
            client=grant.client,
            grant=grant.id,
            event=event,
            attributes=tuple(sorted(attributes)),
            at=book.at,
            next_try=book.at,
        ),
    )


def asks_for_correction(grants: list[Grant], name: str) -> list[Ask]:
    """The rows to read before `signal_correction`, of a citizen's *grants*."""
    return [
        ask
        for grant in grants
        if grant.state == "live" and name in grant.attributes
        for ask in (
            asks_for_name(grant.id, name),
            SIGNAL.by("unsent", grant.id, "corrected"),
        )
    ]


def asks_for_name(grant: str, name: str) -> Ask:
    """The newest disclosure of attribute *name* under *grant*, to read before `given_out`."""
    return DISCLOSED.by("of_name", grant, f'%["{name}",%')


def given_out(book: Book, grant: str, name: str) -> int | None:
    """When attribute *name* went out last under *grant*, also in an earlier story of this batch; None: never."""
    return max(
        (
            one.at
            for one in book.known(DISCLOSED)
            if one.grant == grant and any(name == item for item, *_ in one.items)
        ),
        default=None,
    )


def signal_correction(book: Book, grants: list[Grant], name: str) -> None:
    """Tell whoever may see attribute *name* now, and got an older value, that it is no longer the same."""
    for grant in grants:
        grant = book.get(GRANT, grant.id) or grant
        if not grant.is_live(at=book.at) or name not in grant.attributes:
            continue
        if given_out(book, grant.id, name) is None:
            continue
        unsent = book.found(SIGNAL.by("unsent", grant.id, "corrected"))
        if not any(name in waiting.attributes for waiting in unsent):
            signal(book, grant, "corrected", attributes=(name,))


# Sending


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """One try: what goes where. `tries` counts this one."""

    signal: str
    client: str
    endpoint: str
    token: str
    tries: int


async def clients_due(house: House) -> list[str]:
    """The clients for whom something waits that is due, whoever waits longest first."""
    return [client for (client,) in await house.store.read("signal.clients_due", house.clock(), MOST_CLIENTS)]


async def claim(house: House, client: str) -> Sending | None:
    """Take the next due signal of *client*, so that no other process sends it now; None when there is none.

    Whoever is suspended still holds data, so it hears as well. One without an endpoint is looked at again in an hour.
    """

    def story(book: Book) -> Story[tuple[Signal, str] | None]:
        due = SIGNAL.by("next_of_client", client, book.at)
        yield [due, CLIENT.one(client)]
        yield TURN
        row = book.get(CLIENT, client)
        endpoint = settings_from(row.settings).signals_endpoint if row is not None else None
        for waiting in book.found(due):
            if endpoint is None:
                book.also(Statement("signal.put_off", [(client, book.at + HOUR)]))
                return None
            if waiting.next_try is None or waiting.next_try > book.at:  # another story of this batch has it
                return None
            taken = replace(waiting, tries=waiting.tries + 1, next_try=book.at + LEASE)
            book.put(SIGNAL, taken)
            return taken, endpoint
        return None

    found = (await house.scribe.do(story)).outcome
    if found is None:
        return None
    taken, endpoint = found
    claims = event_claims(
        issuer=house.issuer,
        client=taken.client,
        signal=taken.id,
        grant=taken.grant,
        event=taken.event,
        attributes=taken.attributes,
        happened_at=taken.at,
        at=house.clock(),
    )
    return Sending(
        signal=taken.id,
        client=taken.client,
        endpoint=endpoint,
        token=sign_jws(claims, key=house.server_key, type=SET_TYPE),
        tries=taken.tries,
    )


async def settle(house: House, sending: Sending, failure: str | None) -> None:
    """Write down what a try came to: delivered (None), or a word of the closed list and the next try, or given up."""

    def story(book: Book) -> Story[None]:
        yield [SIGNAL.one(sending.signal)]
        yield TURN
        row = book.get(SIGNAL, sending.signal)
        if row is None or row.delivered_at is not None:
            return
        if failure is None:
            book.put(SIGNAL, replace(row, delivered_at=book.at, next_try=None, dead_at=None, failure=None))
            return
        if row.tries != sending.tries:  # this try took longer than its lease, and another began
            return
        if row.tries >= MOST_TRIES:
            book.put(SIGNAL, replace(row, dead_at=book.at, next_try=None, failure=failure))
            return
        until = book.at + wait_after(row.tries, book.chance(2))
        book.put(SIGNAL, replace(row, next_try=until, failure=failure))
        book.also(Statement("signal.put_off", [(row.client, until)]))

    await house.scribe.do(story)


def send_again(name: str) -> Deed[None]:
    """A deed that gives an undelivered signal all its tries again, from now on. Raises NotFound."""

    def story(book: Book) -> Story[None]:
        yield [SIGNAL.one(name)] if is_id(name) else []
        yield TURN
        row = book.get(SIGNAL, name)
        if row is None or row.delivered_at is not None:
            raise NotFound("there is no undelivered signal of this id")
        book.put(SIGNAL, replace(row, tries=0, next_try=book.at, dead_at=None))

    return story
