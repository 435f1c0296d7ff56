"""Where a trace met a point without a derivative, and the value used there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from chainrule.engine.plan import Plan
from chainrule.engine.trace import Trace

MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Kink:
    """`node` was differentiated at a kink: at `index` of its first input (`batched`: the batch axis first), as if its
    derivative were `value`."""

    node: str
    index: tuple[int, ...]
    value: float
    batched: bool


def with_kinks(plan: Plan, steps: Iterable[int]) -> tuple[int, ...]:
    """Those of `steps`, numbers of the plan's that are differentiated, whose op has a kink: in the plan's order."""
    return tuple(sorted(number for number in steps if plan.steps[number].op.at_kink is not None))


def find_kinks(trace: Trace, steps: Iterable[int], most: int = MOST_SHOWN) -> tuple[int, list[Kink]]:
    """How many elements sit on a kink of those steps (see `with_kinks`), and the first `most` of them, in order."""
    xp, count, shown = trace.xp, 0, list[Kink]()
    for number in steps:
        step, point = trace.plan.steps[number], trace.points[number]
        mask = step.op.kinks(xp, point)
        here = 0 if mask is None else xp.count_nonzero(mask)
        if not here:
            continue
        count += here
        if len(shown) < most:
            batched = trace.plan.slots[step.inputs[0]].batched
            used = xp.to_numpy(step.op.subgradient(xp, point))
            for index in np.argwhere(xp.to_numpy(mask))[: most - len(shown)]:
                at = tuple(int(i) for i in index)
                shown.append(Kink(step.name, at, float(used[at]), batched))
    return count, shown
