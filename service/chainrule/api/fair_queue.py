"""Work that waits, of several callers, in an order that gives each of them the same share of the time.

Self-clocked fair queueing (Golestani, 1994): work is tagged with the time at which it would be done if its caller had a
worker to itself and that worker went as slowly as all others, and the least tag goes first. So a caller's own work
stays in order, what is short does not wait behind what is long of somebody else, and nobody waits for ever.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Hashable, Iterable
from heapq import heapify, heapreplace
from typing import Generic, Protocol, TypeVar


class Waiting(Protocol):
    """What waits: whose it is, and the seconds that it is thought to take."""

    caller: Hashable
    seconds: float
    tag: float


Work = TypeVar("Work", bound=Waiting)


class FairQueue(Generic[Work]):
    """Not safe to use from several threads."""

    def __init__(self) -> None:
        self._waiting: list[Work] = []
        self._clock = 0.0
        """The tag of the work begun last."""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, work: Work) -> None:
        """Let `work` wait for its turn."""
        work.tag = self._tag(work.caller, work.seconds)
        insort(self._waiting, work, key=lambda each: each.tag)

    def pop(self) -> Work:
        """What is to be done next."""
        work = self._waiting.pop(0)
        self._clock = max(self._clock, work.tag)
        return work

    def discard(self, work: Work) -> None:
        """Let `work` wait no longer, if it does."""
        if work in self._waiting:
            self._waiting.remove(work)

    def clear(self) -> list[Work]:
        """All that waits, which waits no longer."""
        left, self._waiting = self._waiting, []
        return left

    def seconds(self) -> list[float]:
        """What each that waits is thought to take."""
        return [work.seconds for work in self._waiting]

    def ahead(self, caller: Hashable, seconds: float) -> list[float]:
        """The seconds of each that would have its turn before such work."""
        tag = self._tag(caller, seconds)
        return [work.seconds for work in self._waiting if work.tag <= tag]

    def _tag(self, caller: Hashable, seconds: float) -> float:
        return max((work.tag for work in self._waiting if work.caller == caller), default=self._clock) + seconds


def wait_behind(busy: Iterable[float], ahead: Iterable[float]) -> float:
    """Seconds until a worker is free for the next: workers busy for so long each, and work that goes before."""
    free = list(busy)
    heapify(free)
    for seconds in ahead:
        heapreplace(free, free[0] + seconds)
    return free[0]
