"""The state machine's hands: an operation is asked of the house and of the model, and their answers are compared."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from tests.world import World

from .house import Home, PowerCut
from .model import Model


class Step(NamedTuple):
    """One operation: *ask* the house, let the *model* say what must come of it, compare."""

    ask: Callable[[], Awaitable[Any]]
    model: Callable[[], Any]
    compare: Callable[[Any, Any], None]


class Hands:
    """Asks house and model the same; keeps whatever left the house."""

    world: World
    model: Model
    home: Home

    def __init__(self) -> None:
        self.sent: list[bytes] = []  # all that ever left, but for the values of a disclosure
        self.next: list[Step] = []  # what somebody does because of an answer, once all at once have theirs

    def perform(self, *steps: Step) -> None:
        """Ask all steps at once, in this order; the model takes them one by one and must come to the same."""

        async def all_at_once() -> list[Any]:
            return await asyncio.gather(*(step.ask() for step in steps), return_exceptions=True)

        results = self.home.run(all_at_once())
        if self.home.store.is_dark:
            # Nobody got an answer: no value may have left, whatever was or was not written.
            assert all(isinstance(result, PowerCut) for result in results), results
            if self.home.store.cut_after_commit:
                for step in steps:
                    step.model()
            self.world = self.home.crash(self.world)
            self.find_lost()
            return
        for step, result in zip(steps, results, strict=True):
            if isinstance(result, BaseException):
                self.sent.append(str(result).encode())
            step.compare(result, step.model())
        while self.next:
            self.perform(self.next.pop(0))

    def find_lost(self) -> None:
        """After a crash: the ids of what was written although nobody was told."""
        for grant in self.model.grants:
            if grant.id is None:
                rows = self.home.run(self.world.house.store.read("grant.of_citizen", grant.citizen))
                (grant.id,) = [row[0] for row in rows if row[14] == grant.index]
