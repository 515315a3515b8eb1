"""The keys of clients that publish them at an address of their own (`jwks_uri`), fetched when they are needed.

Nothing here runs inside a story: fetching waits for somebody else's machine. What was fetched is kept for a while, so
that neither a slow nor a silent machine holds up more than its own client's requests; and a stranger who signs with
keys of his own cannot make us call it more often than once in `PAUSE`.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from consent.oauth.jose import check_fetched_jwks, is_signed_by, thumbprint
from consent.words.errors import ConsentError, InvalidClient
from consent.words.instants import SECOND

FRESH = (
    300 * SECOND
)  # so long a set is used without asking again: a key that was taken away works no longer than this …
KEPT = 3600 * SECOND  # … unless the address does not answer: then so long, and no longer
PAUSE = 30 * SECOND  # between two calls of one address, whatever came of the first
MOST_SETS = 1024

Keys = tuple[dict[str, Any], ...]


class _Set(msgspec.Struct, frozen=True, kw_only=True):
    keys: Keys | None  # None: never fetched with success
    fetched_at: int  # microseconds; of the keys
    tried_at: int  # of the last call, with success or without


class ClientKeys:
    """One a process. It decides nothing: whether a client may come in is asked of its row each time."""

    def __init__(self, get: Callable[[str], Awaitable[bytes]], clock: Callable[[], int]) -> None:
        """*get*: what stands at an address (`Outside.get`)."""
        self._get = get
        self._clock = clock
        self._sets: OrderedDict[str, _Set] = OrderedDict()
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def of(self, uri: str, *signed: str, jkt: str | None = None) -> Keys:
        """The public keys at *uri*; asked again when none of those that we know signed one of the tokens *signed*, or
        none has the thumbprint *jkt*.

        Raises InvalidClient when there are none to be had (RFC 6749 §5.2: the client cannot be authenticated).
        """
        known = self._sets.get(uri)
        if known is None or not self._is_younger(known.fetched_at, FRESH) or _lacks_a_key(known, signed, jkt):
            await self._fetch(uri)
            known = self._sets.get(uri)
        if known is None or known.keys is None or not self._is_younger(known.fetched_at, KEPT):
            raise InvalidClient("the keys of the client cannot be fetched from its jwks_uri now")
        self._sets.move_to_end(uri)
        return known.keys

    async def _fetch(self, uri: str) -> None:
        """Fetch once for all who wait for it, but not again within the pause."""
        task = self._under_way.get(uri)
        if task is None:
            known = self._sets.get(uri)
            if known is not None and self._is_younger(known.tried_at, PAUSE):
                return
            task = asyncio.create_task(self._call(uri), name="client keys")
            self._under_way[uri] = task
            task.add_done_callback(lambda _: self._under_way.pop(uri, None))
        await asyncio.shield(task)  # who goes away takes nobody's keys along

    async def _call(self, uri: str) -> None:
        try:
            keys = check_fetched_jwks(await self._get(uri))
        except ConsentError:
            before = self._sets.get(uri) or _Set(keys=None, fetched_at=0, tried_at=0)
            self._sets[uri] = msgspec.structs.replace(before, tried_at=self._clock())
        else:
            self._sets[uri] = _Set(keys=keys, fetched_at=self._clock(), tried_at=self._clock())
        while len(self._sets) > MOST_SETS:
            self._sets.popitem(last=False)

    def _is_younger(self, at: int, age: int) -> bool:
        # A clock that was set back makes a set look as if it came from the future: then it is fetched again.
        return 0 <= self._clock() - at < age


def _lacks_a_key(known: _Set, signed: tuple[str, ...], jkt: str | None) -> bool:
    keys = known.keys or ()
    if jkt is not None and jkt not in map(thumbprint, keys):
        return True
    return not all(is_signed_by(token, keys) for token in signed if token)
