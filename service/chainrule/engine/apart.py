"""Which problems of a stack have something to be said of them that only a run of each alone says."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.backends import Array
from chainrule.engine.fused import extreme
from chainrule.engine.ops.probability import BinaryCrossEntropy, BinaryCrossEntropyOnLogits
from chainrule.engine.trace import Trace


def apart(trace: Trace, with_kinks: Iterable[int] = ()) -> NDArray[Any]:
    """A mask over the problems of a stack: those at a kink of one of these steps (numbers of the plan's), and those
    whose loss may call for a warning or for a fused derivative. (P,)."""
    masks = [mask for mask in (*_at_kinks(trace, with_kinks), *_at_edges(trace)) if mask is not None]
    if not masks:
        return np.zeros(len(trace.values[0]), np.bool_)
    return trace.xp.to_numpy(reduce(or_, map(_anywhere, masks)))


def _anywhere(mask: Array) -> Array:
    return mask.reshape((len(mask), -1)).any(1)


def _at_kinks(trace: Trace, steps: Iterable[int]) -> Iterable[Array | None]:
    return [trace.plan.steps[number].op.kinks(trace.xp, trace.points[number]) for number in steps]


def _at_edges(trace: Trace) -> Iterable[Array]:
    number = trace.plan.data_loss
    if number is None:
        return
    op, (prediction, target) = trace.plan.steps[number].op, trace.points[number].inputs
    if isinstance(op, BinaryCrossEntropy | BinaryCrossEntropyOnLogits):
        yield (target < 0) | (target > 1)
    if isinstance(op, BinaryCrossEntropy):
        yield extreme(trace.xp, prediction)
