"""The numbers of one edge: the Jacobian of a step by one value that it takes, from the step's own rule."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.plan import Plan
from chainrule.engine.structure import Outer
from chainrule.engine.trace import Trace


def local_jacobian(trace: Trace, number: int, source: int) -> NDArray[Any]:
    """∂(step)/∂(value), in torch's axis order: (N, *of, *wrt), without N where neither has a batch axis.

    A value that the step takes twice has both shares in it.
    """
    plan, xp, step = trace.plan, trace.xp, trace.plan.steps[number]
    target, taken = plan.slots[step.output], plan.slots[source]
    size = prod(target.shape)
    seeds = xp.eye(size).reshape((size, *((1,) if target.batched else ()), *target.shape))
    wanted = tuple(slot == source for slot in step.inputs)
    parts = step.op.vjp(xp, seeds, trace.points[number], wanted)
    arrays = [part.each() if isinstance(part, Outer) else part for part in parts if part is not None]
    total = xp.to_numpy(sum(arrays[1:], start=arrays[0]))
    lead = (plan.batch,) if target.batched or taken.batched else ()
    if lead:
        total = np.moveaxis(np.broadcast_to(total, (size, *lead, *taken.shape)), 0, 1)
    return total.reshape((*lead, *target.shape, *taken.shape))


def local_size(plan: Plan, number: int, source: int) -> int:
    """How many numbers that is for one example."""
    return prod(plan.slots[plan.steps[number].output].shape) * prod(plan.slots[source].shape)
