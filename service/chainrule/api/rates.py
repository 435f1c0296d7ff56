"""How often each key may grade: a bucket of tokens a key, filled at a steady rate, in the memory of this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock


class Rates:
    """`burst` calls at once, and `per_second` in the long run; 0 for any number. Safe to use from several threads.

    Buckets are made for keys that the service knows, so there are no more of them than keys.
    """

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._burst, self._clock = per_second, float(burst), clock
        self._buckets: dict[bytes, tuple[float, float]] = {}
        self._lock = Lock()

    def take(self, key: bytes | None) -> float:
        """Count a call: 0. Or, where it is one too many and not counted, the seconds until there is room for it."""
        if key is None or self._per_second == 0:
            return 0.0
        with self._lock:
            now = self._clock()
            tokens, since = self._buckets.get(key, (self._burst, now))
            tokens = min(self._burst, tokens + (now - since) * self._per_second)
            granted = tokens >= 1.0
            self._buckets[key] = (tokens - 1.0 if granted else tokens, now)
            return 0.0 if granted else (1.0 - tokens) / self._per_second
