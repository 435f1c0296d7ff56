"""The forward pass, and the immutable record it leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from chainrule.engine.backends import Array, Namespace
from chainrule.engine.errors import EngineError
from chainrule.engine.op import Point, point
from chainrule.engine.plan import Plan
from chainrule.engine.structure import quick


class Cancelled(Exception):
    """The caller has gone, or its deadline has passed: work was stopped between two nodes."""


def never() -> bool:
    """The check of a run that nobody can cancel."""
    return False


class Trace(NamedTuple):
    """Every node's inputs and output. Nothing changes it: a second backward pass gives the same answer."""

    plan: Plan
    xp: Namespace
    values: tuple[Array, ...]
    """By slot."""
    points: tuple[Point, ...]
    """By step: where each op is differentiated."""

    def value(self, name: str) -> Array:
        """The value of a node, input or parameter by name."""
        return self.values[self.plan.index[name]]


_trace = quick(Trace)


def run_forward(plan: Plan, xp: Namespace, leaves: Mapping[str, Array], cancelled: Callable[[], bool] = never) -> Trace:
    """Run every step in order. `leaves`: an array for each input, parameter and the targets, by name.

    Raises DomainError with the node's name, and Cancelled where `cancelled()` says so between two nodes.
    """
    values: list[Array] = [*plan.gather(leaves)]
    points = []
    for step in plan.steps:
        if cancelled():
            raise Cancelled
        inputs = step.take(values)
        try:
            output, saved = step.op.forward(xp, *inputs)
        except EngineError as error:
            error.where = error.where or step.name
            raise
        values.append(output)
        points.append(point((inputs, output, saved)))
    return _trace((plan, xp, tuple(values), tuple(points)))
