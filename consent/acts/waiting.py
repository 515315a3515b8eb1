"""What waits for the scribe, in the order of asking, and which of it is written next."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from consent.storage.book import Book, Story

MOST_IN_A_BATCH = 256  # more would make a withdrawal wait
_MOST_REMEMBERED = 100_000


class Asked(NamedTuple):
    """A deed with the way back to who asked; *about*: what leads to the one citizen whose log is enough, or None."""

    deed: Callable[[Book], Story[Any]]
    answer: "asyncio.Future[Any]"
    about: object


class Waiting:
    """The queue. It remembers in which bucket things are: never permission, each deed looks at that again."""

    def __init__(self) -> None:
        self._asked: list[Asked] = []
        self._buckets: dict[object, int] = {}

    def __len__(self) -> int:
        return len(self._asked)

    def add(self, *asked: Asked) -> None:
        """Let these wait behind all others."""
        self._asked += asked

    def take(self, buckets: Sequence[int]) -> tuple[list[Asked], int | None]:
        """What comes next, at least one, and the bucket whose log is enough for it; None: all logs of *buckets*."""
        asked = self._asked
        if len(buckets) > 1 and asked[0].about is not None:
            bucket = self._buckets.get(asked[0].about, buckets[0])
            if bucket in buckets:
                # Those of the same log that were asked before anything that takes all logs: no deed waits for ever.
                end = next((place for place, one in enumerate(asked) if one.about is None), len(asked))
                batch: list[Asked] = []
                rest: list[Asked] = []
                for one in asked[:end]:
                    fits = len(batch) < MOST_IN_A_BATCH and self._buckets.get(one.about, buckets[0]) == bucket
                    (batch if fits else rest).append(one)
                self._asked = rest + asked[end:]
                return batch, bucket
        self._asked = asked[MOST_IN_A_BATCH:]
        return asked[:MOST_IN_A_BATCH], None

    def send_on(self, one: Asked, bucket: int) -> None:
        """Remember where *one* belongs, and let it wait for its turn there."""
        if len(self._buckets) >= _MOST_REMEMBERED:
            self._buckets.pop(next(iter(self._buckets)))
        self._buckets[one.about] = bucket
        self._asked.append(one)
