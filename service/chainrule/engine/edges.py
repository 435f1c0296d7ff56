"""What comes back along each edge of the graph: the share of a value's cotangent that one operand of a node brings."""

from __future__ import annotations

from chainrule.engine.backends import Array
from chainrule.engine.backward import Cotangent, Fused, Program, alone, pull_back
from chainrule.engine.structure import Outer
from chainrule.engine.trace import Trace

Edge = tuple[int, int]
"""The number of a step, and the position of an operand of it."""


def along_edges(
    trace: Trace, program: Program, cotangents: dict[int, Cotangent], fused: Fused | None = None
) -> dict[Edge, Array]:
    """The contributions of `program`, edge by edge. `cotangents`: by slot, as `pull_back` with `fused` returns them."""
    found: dict[Edge, Array] = {}
    for number, step, wanted, _ in program.steps:
        cotangent = cotangents.get(step.output)
        if cotangent is None:
            continue
        for position, slot in enumerate(step.inputs):
            if wanted[position]:
                part = pull_back(trace, alone(number, step, position), cotangent, fused=fused).get(slot)
                if part is not None:
                    found[number, position] = part.each() if isinstance(part, Outer) else part
    return found
