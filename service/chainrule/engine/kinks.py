"""Where a trace met a point without a derivative, and the value used there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule.engine.trace import Trace

MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Kink:
    """`node` was differentiated at a kink: at `index` of its first input (batch axis first), as if it were `value`."""

    node: str
    index: tuple[int, ...]
    value: float


def find_kinks(trace: Trace, most: int = MOST_SHOWN) -> tuple[int, list[Kink]]:
    """How many elements of the trace sit on a kink, and the first `most` of them in the order of the steps."""
    xp, count, shown = trace.xp, 0, list[Kink]()
    for step, point in zip(trace.plan.steps, trace.points, strict=True):
        if step.op.at_kink is None:
            continue
        mask = step.op.kinks(xp, point)
        here = 0 if mask is None else xp.count_nonzero(mask)
        if not here:
            continue
        count += here
        if len(shown) < most:
            used = xp.to_numpy(step.op.subgradient(xp, point))
            for index in np.argwhere(xp.to_numpy(mask))[: most - len(shown)]:
                at = tuple(int(i) for i in index)
                shown.append(Kink(step.name, at, float(used[at])))
    return count, shown
