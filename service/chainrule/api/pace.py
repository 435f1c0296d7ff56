"""How long requests take: by what they cost, and by what such requests have taken here lately."""

from __future__ import annotations

from threading import Lock

from chainrule.engine.cost import Cost

BYTE = 6e-9
"""Seconds to parse a byte of JSON."""
LATELY = 0.2
"""How much the last request of a kind counts in their mean."""
OFF = (1e-3, 50.0)
"""How far the mean of what requests took may move an estimate by cost, whatever was measured."""


class Pace:
    """Means that follow what is measured, as exponentially weighted. Safe to use from several threads."""

    def __init__(self) -> None:
        self._ratios: dict[str, float] = {}
        """Seconds measured over seconds by cost, for each operation."""
        self._taken: dict[tuple[str, int], float] = {}
        """Seconds, for each operation and each number of binary digits of the body's length."""
        self._lock = Lock()

    def of_body(self, operation: str, length: int) -> float:
        """Seconds for a request of which no more is known than how long its body is."""
        return self._taken.get((operation, length.bit_length()), length * BYTE)

    def of_cost(self, operation: str, cost: Cost, length: int) -> float:
        """Seconds for a request whose cost is known."""
        return (cost.seconds + length * BYTE) * self._ratios.get(operation, 1.0)

    def learn(self, operation: str, cost: Cost, length: int, seconds: float) -> None:
        """Take account of a request that took `seconds`."""
        least, most = OFF
        ratio = min(most, max(least, seconds / (cost.seconds + length * BYTE)))
        with self._lock:
            known = self._ratios.get(operation, ratio)
            self._ratios[operation] = known + LATELY * (ratio - known)
        self.learn_by_length(operation, length, seconds)

    def learn_by_length(self, operation: str, length: int, seconds: float) -> None:
        """Take account of one of which no more is known than how long its body is, and that it took `seconds`."""
        kind = operation, length.bit_length()
        with self._lock:
            taken = self._taken.get(kind, seconds)
            self._taken[kind] = taken + LATELY * (seconds - taken)
