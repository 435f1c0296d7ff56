"""What a computation costs, in plain integers from shapes alone, before anything is allocated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from chainrule.engine.jacobian import jacobian_shape, pushes
from chainrule.engine.op import Elementwise
from chainrule.engine.plan import Plan, reachable

BACKWARD = 2
"""A backward pass in forward passes: each product of forward has two in backward."""
HELD = 3
"""Arrays the size of a value that live at once, at most: the value, what is saved for its derivative, a temporary."""
WALKS = 3
"""A Jacobian in walks over the network: two to find what lies on the way, one to pull back or push forward."""

PER_REQUEST = 5e-5
PER_CALL = 3e-6
PER_FLOP = 3e-11
PER_HELD = 1.5e-9
PER_RETURNED = 4e-8
"""Seconds, measured on one core of a server (AMD EPYC) with NumPy and torch on one thread. A matrix product makes the
most of a flop, an elementwise op is as slow as memory, and a number returned is written out as text."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Floating-point operations, the numbers held in memory at once, and the numbers returned.

    `calls` is how often an op is applied, or its derivative: what takes the time where nodes are many and small.
    """

    flops: int = 0
    held: int = 0
    returned: int = 0
    calls: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.flops + other.flops,
            self.held + other.held,
            self.returned + other.returned,
            self.calls + other.calls,
        )

    def bytes(self, itemsize: int) -> int:
        """Memory for what is held, at `itemsize` bytes a number."""
        return self.held * itemsize

    @property
    def seconds(self) -> float:
        """About how long it takes, the reply's JSON included: right to a factor of a few, for most requests of two."""
        return (
            PER_REQUEST
            + PER_CALL * self.calls
            + PER_FLOP * self.flops
            + PER_HELD * self.held
            + PER_RETURNED * self.returned
        )


def forward_cost(plan: Plan, *, traced: bool = False) -> Cost:
    """Of a forward pass that returns the output, or with `traced` every node's."""
    leaves = len(plan.slots) - len(plan.steps)
    sizes = [prod(plan.full_shape(slot)) for slot in range(len(plan.slots))]
    returned = sum(sizes[leaves:]) if traced else sizes[plan.output]
    return Cost(plan.flops, HELD * sum(sizes), returned, len(plan.steps))


def gradients_cost(plan: Plan, wrt: Iterable[int], *, per_example: bool = False, steps: bool = False) -> Cost:
    """Of one backward pass, beyond its forward pass."""
    slots = tuple(wrt)
    sizes = [prod(plan.full_shape(slot)) for slot in slots]
    held = sum(prod(plan.full_shape(slot)) for slot in range(len(plan.slots)))
    cost = Cost(BACKWARD * plan.flops, held + sum(sizes), sum(sizes), len(plan.steps))
    if per_example:
        each = sum(plan.batch * prod(plan.slots[slot].shape) for slot in slots)
        cost += Cost(BACKWARD * plan.flops, each, each, len(plan.steps))
    if steps:
        cost += _steps_cost(plan)
    return cost


def _steps_cost(plan: Plan) -> Cost:
    """Of every node's cotangent and local Jacobians."""
    local = passed = 0
    for step in plan.steps:
        size = prod(plan.full_shape(step.output))
        for slot in step.inputs:
            source = prod(plan.slots[slot].shape)
            elementwise = isinstance(step.op, Elementwise) or step.op.family in ("loss", "penalty")
            local += size if elementwise else size * source
            passed += prod(plan.full_shape(slot))
    return Cost(BACKWARD * plan.flops + local, local + passed, local + passed, 2 * len(plan.steps))


def jacobian_cost(plan: Plan, of: int, wrt: int, *, structured: bool = False) -> Cost:
    """Of one Jacobian, beyond its forward pass."""
    on_way = reachable(plan, of, (wrt,))
    diagonal = structured and all(isinstance(step.op, Elementwise) for step in plan.steps if step.output in on_way)
    full = prod(plan.full_shape(of)) if diagonal else prod(jacobian_shape(plan, of, wrt))
    seeds = 1 if diagonal else prod(plan.slots[wrt if pushes(plan, of, wrt) else of].shape)
    passing = sum(plan.batch * prod(plan.slots[slot].shape) for slot in on_way)
    return Cost(BACKWARD * plan.flops * seeds + full, seeds * (passing + seeds) + full, full, WALKS * len(plan.steps))
