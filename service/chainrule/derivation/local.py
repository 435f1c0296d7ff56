"""The numbers of edges: the Jacobians of a step by values that it takes, from the step's own rule."""

from __future__ import annotations

from collections.abc import Collection
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.plan import Slot
from chainrule.engine.structure import Outer
from chainrule.engine.trace import Trace


def local_jacobians(trace: Trace, number: int, sources: Collection[int]) -> dict[int, NDArray[Any]]:
    """∂(step)/∂(each of the values), in torch's axis order: (N, *of, *wrt), without N where neither has a batch axis.

    A value that the step takes twice has both shares in it.
    """
    plan, xp, step = trace.plan, trace.xp, trace.plan.steps[number]
    target = plan.slots[step.output]
    size = prod(target.shape)
    seeds = xp.eye(size).reshape((size, *((1,) if target.batched else ()), *target.shape))
    wanted = tuple(slot in sources for slot in step.inputs)
    totals: dict[int, Any] = {}
    for slot, part in zip(step.inputs, step.op.vjp(xp, seeds, trace.points[number], wanted), strict=False):
        if part is not None:
            share = part.each() if isinstance(part, Outer) else part
            totals[slot] = totals[slot] + share if slot in totals else share
    return {slot: _laid(trace, total, target, plan.slots[slot]) for slot, total in totals.items()}


def _laid(trace: Trace, total: Any, target: Slot, source: Slot) -> NDArray[Any]:
    found, size = trace.xp.to_numpy(total), prod(target.shape)
    lead = (trace.plan.batch,) if target.batched or source.batched else ()
    if lead:
        found = np.moveaxis(np.broadcast_to(found, (size, *lead, *source.shape)), 0, 1)
    return found.reshape((*lead, *target.shape, *source.shape))
