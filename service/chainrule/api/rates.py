"""How often a key may call: a bucket of tokens, filled at a steady rate, in the memory of this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock


class Bucket:
    """`burst` calls at once, and `per_second` in the long run; 0 for any number. Safe to use from several threads."""

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._burst, self._clock = per_second, float(burst), clock
        self._tokens, self._since = self._burst, clock()
        self._lock = Lock()

    def take(self) -> float:
        """Count a call: 0. Or, where it is one too many and not counted, the seconds until there is room for it."""
        if self._per_second == 0:
            return 0.0
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._since) * self._per_second)
            self._since = now
            if self._tokens < 1.0:
                return (1.0 - self._tokens) / self._per_second
            self._tokens -= 1.0
            return 0.0
