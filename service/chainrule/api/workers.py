"""Threads that compute, and how many requests may wait for one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

T = TypeVar("T")


class Full(Exception):
    """As many requests compute and wait as may."""


class Workers:
    """`concurrency` threads, and room for `queue` requests that wait for one.

    A request takes a place before its body is read, and its work keeps the place until it is over, even where nobody
    waits for the outcome any more.
    """

    def __init__(self, concurrency: int, queue: int) -> None:
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="compute")
        self._concurrency = concurrency
        self._places = self._free = concurrency + queue
        self._lock = Lock()

    @property
    def free(self) -> int:
        """Places left."""
        return self._free

    @property
    def running(self) -> int:
        """Requests that compute."""
        return min(self._concurrency, self._places - self._free)

    @property
    def waiting(self) -> int:
        """Requests that have a place, and wait for a thread."""
        return max(0, self._places - self._free - self._concurrency)

    def enter(self) -> None:
        """Take a place. Raises Full."""
        with self._lock:
            if self._free == 0:
                raise Full
            self._free -= 1

    def leave(self) -> None:
        """Give a place back."""
        with self._lock:
            self._free += 1

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Have `work` done by a thread. It gives back the place, which the caller holds until then."""
        future = self._pool.submit(work)
        future.add_done_callback(lambda _: self.leave())
        return future

    def submit_beside(self, work: Callable[[], T]) -> Future[T]:
        """Have `work` done by a thread in its turn, without a place. For work that is bounded in some other way."""
        return self._pool.submit(work)

    def close(self) -> None:
        """Start nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
