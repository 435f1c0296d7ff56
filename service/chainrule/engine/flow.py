"""How much of the gradient gets through: the size of what reaches each node, and how many units let little pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.backends import Namespace
from chainrule.engine.backward import Cotangent
from chainrule.engine.op import Elementwise, Point
from chainrule.engine.plan import Step
from chainrule.engine.structure import Diagonal, Outer
from chainrule.engine.trace import Trace

QUIET = 0.05
"""A unit whose slope is at most so much of the steepest that its function has passes little on."""


@dataclass(frozen=True, slots=True)
class NodeFlow:
    """What reaches a node, and the share of its units that are quiet, under the word that there is for them."""

    node: str
    op: str
    cotangent: float
    """The Frobenius norm of ∂C/∂node over the whole batch."""
    saturated: float | None = None
    inactive: float | None = None


def flow(trace: Trace, cotangents: dict[int, Cotangent]) -> list[NodeFlow]:
    """Of every node but the loss and the penalties, in the order they run. `cotangents`: by slot, of all of them."""
    plan = trace.plan
    return [
        _node(trace.xp, step, point, cotangents.get(step.output))
        for step, point in zip(plan.steps[: len(plan.nodes)], trace.points, strict=False)
    ]


def norm(xp: Namespace, cotangent: Cotangent | None) -> float:
    """The Frobenius norm, however small or large the numbers are."""
    if cotangent is None:
        return 0.0
    if isinstance(cotangent, float):
        return abs(cotangent)
    array = cotangent.each() if isinstance(cotangent, Outer) else cotangent
    array = array.diagonal if isinstance(array, Diagonal) else array
    return _norm(np.asarray(xp.to_numpy(array), np.float64))


def _norm(values: NDArray[Any]) -> float:
    largest = float(np.abs(values).max())
    if largest == 0 or not np.isfinite(largest):
        return largest
    return largest * float(np.sqrt(np.square(values / largest).sum()))


def _node(xp: Namespace, step: Step, point: Point, cotangent: Cotangent | None) -> NodeFlow:
    op, size = step.op, norm(xp, cotangent)
    if not isinstance(op, Elementwise) or op.quiet is None:
        return NodeFlow(step.name, op.name, size)
    slopes = np.abs(xp.to_numpy(op.derivative(xp, point.inputs[0], point.output)))
    share = float(np.mean(slopes <= QUIET * op.steepest()))
    return NodeFlow(step.name, op.name, size, **{op.quiet: share})
