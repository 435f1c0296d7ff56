"""Running out of memory without falling over, and giving back what large requests leave with the allocator."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable
from functools import cache
from math import inf
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")

_SHORTAGE = ("out of memory", "not enough memory", "allocate memory", "STATUS_ALLOC_FAILED")


BUSY, QUIET = 0.005, 0.2
"""Of the time, at most, in which garbage is looked for, while there is work and once there is none. Nothing else runs
meanwhile: half a second, where as many structures are kept as may be."""


class OutOfMemory(Exception):
    """There was not enough memory for a request, on the machine or on its accelerator."""


def guarded(work: Callable[[], T]) -> T:
    """What `work` returns. Raises OutOfMemory where memory ran out, once what the work held is free again."""
    try:
        return work()
    except Exception as error:
        if not _is_shortage(error):
            raise
    # Out of the except clause: until its end the error's traceback keeps every frame, and their tensors, alive.
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    raise OutOfMemory


def _is_shortage(error: Exception) -> bool:
    if isinstance(error, MemoryError):
        return True
    # torch says so in words for the CPU and for the libraries of CUDA, and for CUDA itself by a subclass too.
    return isinstance(error, RuntimeError) and (
        type(error).__name__ == "OutOfMemoryError" or any(words in str(error) for words in _SHORTAGE)
    )


class Leftovers:
    """What large requests leave in this process. To be used by one thread at a time."""

    def __init__(self) -> None:
        self._looked, self._took = -inf, 0.0
        """When garbage was looked for last, by `perf_counter`, and the seconds that it took."""

    def give_back(self, *, busy: bool) -> bool:
        """Return to the system the memory that is free in this process, as far as the C library can.

        What glibc has taken in small pieces it keeps, and numbers of a body are millions of them: after a hundred
        megabytes of JSON the process stays larger by as much again, until the next request of that size, or this.

        False where garbage was not looked for, because that took long a short while ago.
        """
        started = perf_counter()
        is_time = started - self._looked >= self._took / (BUSY if busy else QUIET)
        if is_time:
            gc.collect()
            self._looked = perf_counter()
            self._took = self._looked - started
        trim = _malloc_trim()
        if trim is not None:
            trim(0)
        return is_time


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    """glibc's function, where that is the C library."""
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    return trim
