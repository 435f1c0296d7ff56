"""When to try again, and after how long. Every call is a pure function of its body, so repeating one is safe."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Not 408: what took too long would take as long again, and cost the service as much.
RETRIED_STATUSES = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class Retries:
    """A policy: exponential backoff with full jitter, within an overall deadline.

    limit: how many times to try again after the first; 0 for never.
    first_wait, longest_wait: seconds. The i-th wait is drawn evenly from 0 to min(longest_wait, first_wait·2ⁱ).
    deadline: seconds for the whole call, waits included; None for no end. What is left of it is told to the service.

    A call of an `AsyncClient` ends by its deadline. In a `Client` each step of an attempt, such as connecting, has what
    is left of it when the attempt begins: so on a network that hardly moves the call may end later.

    A `Retry-After` is waited out in full, and the drawn wait comes on top, so that callers sent away together do not
    come back together. One that would outlast the deadline, or `longest_retry_after`, is not waited for.
    """

    limit: int = 2
    first_wait: float = 0.5
    longest_wait: float = 8.0
    longest_retry_after: float = 60.0
    deadline: float | None = None
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    uniform: Callable[[float, float], float] = field(default=random.uniform, repr=False)

    def begin(self) -> Attempts:
        """The count of attempts for one call, its clock started."""
        return Attempts(self)


class Attempts:
    """How often one call has been tried, and since when."""

    def __init__(self, policy: Retries) -> None:
        self._policy = policy
        self._started = policy.clock()
        self._retried = 0

    @property
    def tries(self) -> int:
        """How often, the first time included."""
        return 1 + self._retried

    def remaining(self) -> float | None:
        """Seconds left before the deadline, at least 0; None where there is none."""
        if self._policy.deadline is None:
            return None
        return max(0.0, self._policy.deadline - (self._policy.clock() - self._started))

    def next_wait(self, retry_after: float | None = None) -> float | None:
        """Seconds to wait before trying again; None to give up."""
        policy = self._policy
        if self._retried >= policy.limit or (retry_after or 0.0) > policy.longest_retry_after:
            return None
        ceiling = min(policy.longest_wait, policy.first_wait * 2.0 ** min(self._retried, 60))
        wait = (retry_after or 0.0) + policy.uniform(0.0, ceiling)
        left = self.remaining()
        if left is not None and wait >= left:
            return None
        self._retried += 1
        return wait


def seconds_to_wait(retry_after: str | None, now: datetime | None = None) -> float | None:
    """A `Retry-After` header, in seconds or as an HTTP date, as seconds from now; None where it says neither."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
