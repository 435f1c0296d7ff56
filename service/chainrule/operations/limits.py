"""What a request may cost. It is worked out from shapes before anything is allocated, and refused where it is over."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.engine.cost import Cost
from chainrule.operations.refusals import Refused

ITEMSIZE = {"float64": 8, "float32": 4}


@dataclass(frozen=True, slots=True)
class Limits:
    """The most one request may ask for."""

    flops: int = 2 * 10**11
    """Floating-point operations."""
    memory: int = 2 * 2**30
    """Bytes of arrays held at once."""
    returned: int = 10_000_000
    """Numbers in a reply."""
    calls: int = 1_000_000
    """Applications of an op, derivatives included."""

    def check(self, cost: Cost, dtype: str) -> None:
        """Raises Refused where `cost` is over a limit."""
        if over := self.exceeded(cost, dtype):
            raise Refused(f"this would take {over}: ask for less at a time", title="Request too costly")

    def exceeded(self, cost: Cost, dtype: str) -> str | None:
        """How much of what `cost` is over a limit, and which; None where it is within all of them."""
        needs = [
            (cost.flops, self.flops, "floating-point operations"),
            (cost.bytes(ITEMSIZE[dtype]), self.memory, "bytes of memory"),
            (cost.returned, self.returned, "numbers in the reply"),
            (cost.calls, self.calls, "applications of an op"),
        ]
        over = (f"{needed:,} {unit}; the limit is {most:,}" for needed, most, unit in needs if needed > most)
        return next(over, None)
