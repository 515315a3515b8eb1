"""What a process counts of its own work: plain numbers, added to on the way and read only when somebody asks.

Nothing here is about anybody. A request is counted by the name of its door, which is one of a closed list.
"""

from bisect import bisect_left

# Upper ends of the buckets, in seconds: from a page out of memory to a disclosure that waits for witnesses.
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
DEEDS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)


class Histogram:
    """How often a number lay between which bounds, and the sum of all."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)  # the last: above all bounds
        self.total = 0.0

    def add(self, number: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds, number)] += 1
        self.total += number


class DoorMeter:
    """How often each door was knocked at, what came of it, and how long that took."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], int] = {}  # by door and status class, such as "2xx"
        self.seconds: dict[str, Histogram] = {}  # by door

    def answered(self, door: str, status: int, seconds: float) -> None:
        """Count one answer."""
        key = (door, f"{status // 100}xx")
        self.answers[key] = self.answers.get(key, 0) + 1
        histogram = self.seconds.get(door)
        if histogram is None:
            histogram = self.seconds[door] = Histogram(SECONDS)
        histogram.add(seconds)


class ScribeMeter:
    """How large the batches of the scribe are, and how long one takes."""

    def __init__(self) -> None:
        self.deeds = Histogram(DEEDS)
        self.seconds = Histogram(SECONDS)
        self.failed = 0
