"""Threads that compute, and which requests are taken for them: those that need not wait for long.

A request is taken or refused at once, by what it is thought to take (`api/pace.py`) and what was taken before it:

- there is a place left, and one for its caller, who may not have them all;
- its body fits into the memory for bodies and replies, beside those of all that compute and wait;
- the work that goes before it and has not begun takes no longer than a part of its own, or than a moment;
- it can be answered within its time.

Once its work begins, and it is known how long its reply will be, a long reply has to fit beside other long ones.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import RLock
from time import perf_counter
from typing import Any, TypeVar

from chainrule.api.fair_queue import FairQueue, wait_behind

T = TypeVar("T")

MOMENT = 0.01
"""Seconds that even the shortest request may wait for work that has not begun."""
LARGE = 1 << 20
"""Bytes of a body or a reply that leave something behind with the allocator."""
NUMBER = 20
"""Bytes that a number of a reply in JSON takes, or thereabouts."""
FOREVER = 1e9


class Full(Exception):
    """There is no room for a request now, for the reason told. `wait`: seconds after which there may be."""

    def __init__(self, reason: str, wait: float) -> None:
        super().__init__(reason)
        self.wait = wait


def _nothing() -> None:
    pass


@dataclass(slots=True, eq=False)
class Place:
    """A request that was taken, and what is held for it."""

    caller: Hashable
    seconds: float
    """What its work is thought to take."""
    ends: float
    """When nobody waits for it any more, by `perf_counter`."""
    memory: int = 0
    """Bytes of its body, and then of its reply."""
    claimed: int = 0
    """Bytes that its reply is thought to take, where it is long."""
    tag: float = 0.0
    begun: float = 0.0
    is_counted: bool = False
    """Whether it is one of the places, as it is until its work is over."""
    is_due: bool = False
    """Whether its work has been submitted and is not over."""
    is_left: bool = False
    """Whether its caller has been answered, or has gone."""
    work: Callable[[], Any] = _nothing
    """What is to be done."""
    future: Future[Any] | None = None
    """What comes of it, until that is known."""


class Workers:
    """`concurrency` threads, and room for `queue` requests that wait for one. Safe to use from several threads.

    A request takes a place before its body is read. Its work keeps the place until it is over, even where nobody waits
    for the outcome any more. `memory`: bytes for bodies and replies; one request alone is taken with more. Long replies
    are made for half of that at once, and one alone for more. `ratio`: how long may be waited for work that has not
    begun, in multiples of what a request takes itself.
    """

    def __init__(self, concurrency: int, queue: int, memory: int = 1 << 62, ratio: float = 1.0) -> None:
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="compute")
        self._concurrency, self._places = concurrency, concurrency + queue
        self._memory, self._ratio = memory, ratio
        self._taken: dict[Hashable, int] = {}
        self._held = 0
        self._claimed = 0
        self._running: set[Place] = set()
        self._queue: FairQueue[Place] = FairQueue()
        self._lock = RLock()
        self.is_untidy = False
        """Whether there have been large requests, or batches, since somebody last said that there have not."""

    @property
    def free(self) -> int:
        """Places left."""
        return self._places - sum(self._taken.values())

    @property
    def running(self) -> int:
        """Threads that compute."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Requests, and portions of batches, that wait for a thread."""
        return len(self._queue)

    @property
    def wait(self) -> float:
        """Seconds until a thread is free and nothing waits, by estimate."""
        with self._lock:
            return wait_behind(self._busy(), self._queue.seconds())

    @property
    def held(self) -> int:
        """Bytes of bodies and replies."""
        return self._held

    def enter(self, caller: Hashable = None, seconds: float = 0.0, memory: int = 0, left: float = FOREVER) -> Place:
        """Take a place, for a request that is of use within `left` seconds or not at all. Raises Full."""
        place = Place(caller, seconds, perf_counter() + left)
        with self._lock:
            taken = self._taken.get(caller, 0)
            if not self.free:
                raise Full("as many requests wait as may", self.wait)
            if taken >= self.free + self._concurrency:
                raise Full("this caller has its share of the requests that may wait", self.wait)
            if self._held and self._held + memory > self._memory:
                raise Full("the bodies of other requests take up the memory", self.wait)
            self._check_wait(place)
            self._taken[caller] = taken + 1
            place.is_counted = True
            self.hold(place, memory)
        return place

    def hold(self, place: Place, memory: int) -> None:
        """Have `memory` bytes stand for the request, in place of as many as did so far."""
        with self._lock:
            self._held += memory - place.memory
            place.memory = memory
            self.is_untidy = self.is_untidy or memory > LARGE

    def claim(self, place: Place, reply: int) -> None:
        """Keep room for a reply of so many bytes until its caller has it. Raises Full where other long ones have it."""
        if reply <= LARGE:
            return
        with self._lock:
            if self._claimed and self._claimed + reply > self._memory // 2:
                raise Full("long replies that are not read yet take up the memory", self.wait)
            self._claim(place, reply)

    def made(self, place: Place, reply: int) -> None:
        """The reply is there, of so many bytes: they stand for the request from now on."""
        with self._lock:
            self.hold(place, reply)
            self._claim(place, min(place.claimed, reply))

    def leave(self, place: Place) -> None:
        """The caller has its answer, or has gone: nothing is held for it once its work is over."""
        with self._lock:
            place.is_left = True
            if not place.is_due:
                self._release(place)

    def submit(self, place: Place, work: Callable[[], T]) -> Future[T]:
        """Have `work` done by a thread. Raises Full where by now it would have to wait too long."""
        with self._lock:
            self._check_wait(place)
            return self._submit(place, work)

    def submit_beside(self, work: Callable[[], T], seconds: float) -> Future[T]:
        """Have `work` of so many seconds, by estimate, done by a thread in its turn, without a place.

        For work that is bounded in some other way.
        """
        place = Place(object(), seconds, perf_counter() + FOREVER, is_left=True)
        with self._lock:
            self.is_untidy = True
            return self._submit(place, work)

    def close(self) -> None:
        """Begin nothing more."""
        with self._lock:
            waiting = self._queue.clear()
        for place in waiting:
            if place.future is not None:
                place.future.cancel()
        self._pool.shutdown(wait=False)

    def _claim(self, place: Place, reply: int) -> None:
        self._claimed += reply - place.claimed
        place.claimed = reply

    def _check_wait(self, place: Place) -> None:
        ahead = self._queue.ahead(place.caller, place.seconds)
        wait = wait_behind(self._busy(), ahead)
        is_tolerable = sum(ahead) <= self._concurrency * max(MOMENT, self._ratio * place.seconds)
        is_in_time = perf_counter() + wait + place.seconds <= place.ends
        if wait > 0 and not (is_tolerable and is_in_time):
            raise Full("what goes before this request takes too long", wait)

    def _busy(self) -> list[float]:
        """For each thread the seconds until it is free. What nobody waits for any more is given up by then."""
        now = perf_counter()
        busy = [max(0.0, min(each.begun + each.seconds, each.ends) - now) for each in self._running]
        return busy + [0.0] * (self._concurrency - len(busy))

    def _submit(self, place: Place, work: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        place.is_due, place.work, place.future = True, work, future
        future.add_done_callback(lambda _: self._over(place))
        self._queue.add(place)
        self._begin()
        return future

    def _begin(self) -> None:
        while self._queue and len(self._running) < self._concurrency:
            place = self._queue.pop()
            place.begun = perf_counter()
            self._running.add(place)
            self._pool.submit(self._do, place)

    def _do(self, place: Place) -> None:
        # What is raised holds this frame, and those that call it. So none of them may hold the future, which holds what
        # was raised: the body of every request that is refused would wait for the collector of garbage.
        future = place.future
        if future is None:  # it was given up
            return
        try:
            if future.set_running_or_notify_cancel():
                result = place.work()
                self._over(place)
                future.set_result(result)
        except BaseException as error:
            self._over(place)
            future.set_exception(error)
        finally:
            del future

    def _over(self, place: Place) -> None:
        """The work is done, or was given up before its turn. The second time is the same as the first."""
        with self._lock:
            if place.is_due:
                place.is_due = False
                place.work, place.future = _nothing, None
                self._running.discard(place)
                self._queue.discard(place)
                self._release(place)
                self._begin()

    def _release(self, place: Place) -> None:
        """What is held for a place without work: memory only, as long as its caller waits for the answer."""
        if place.is_counted:
            place.is_counted = False
            self._taken[place.caller] -= 1
            if not self._taken[place.caller]:
                del self._taken[place.caller]
        if place.is_left:
            self.hold(place, 0)
            self._claim(place, 0)
