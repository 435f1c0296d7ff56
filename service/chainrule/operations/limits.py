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
        over = [
            (cost.flops, self.flops, "floating-point operations"),
            (cost.bytes(ITEMSIZE[dtype]), self.memory, "bytes of memory"),
            (cost.returned, self.returned, "numbers in the reply"),
            (cost.calls, self.calls, "applications of an op"),
        ]
        for needed, most, unit in over:
            if needed > most:
                raise Refused(
                    f"this would take {needed:,} {unit}; the limit is {most:,}: ask for less at a time",
                    title="Request too costly",
                )
