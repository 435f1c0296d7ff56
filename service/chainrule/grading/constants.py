"""Constants that have a name in a problem: 2, N, K, widths, an op's scale, their products and inverses.

A wrong gradient that is a right one times such a number is told from one that merely happens to be proportional.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import log, prod

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.ops.linear import Linear
from chainrule.engine.plan import Plan
from chainrule.grading.arrays import Array

NEAR = 1e-3
"""A solved factor this near to a named constant is held against that constant; nearer than this to 1 it is none."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A number and what it is called."""

    name: str
    value: float
    parts: int = 1
    """Of how many numbers it is made."""


LOG_BASES = (Constant("1/ln 2", 1 / log(2)), Constant("1/ln 10", 1 / log(10)))


class Constants:
    """The named constants of a plan, the simplest name first where several have one value."""

    def __init__(self, plan: Plan, more: tuple[Constant, ...] = ()) -> None:
        self.batch = plan.batch
        self.outputs = prod(plan.slots[plan.output].shape)
        by_value: dict[float, Constant] = {}
        for constant in (Constant("1", 1.0, 0), *_positive(plan), *more):
            by_value.setdefault(round(constant.value, 12), constant)
        every = [
            *by_value.values(),
            *(Constant(f"−{each.name}", -each.value, each.parts) for each in by_value.values()),
        ]
        every.sort(key=lambda constant: constant.value)
        self.every = tuple(every)
        self.values = np.array([constant.value for constant in every])
        parts = np.array([constant.parts for constant in every])
        self.as_simple = (parts <= parts[:, None]).sum(axis=1)
        """Of each, how many are made of no more numbers than it."""

    def nearest(self, factors: Array) -> NDArray[np.intp]:
        """For each factor the index of the constant nearest to it."""
        right = np.clip(np.searchsorted(self.values, factors), 1, len(self.values) - 1)
        left = right - 1
        return np.where(factors - self.values[left] < self.values[right] - factors, left, right)


def _positive(plan: Plan) -> Iterator[Constant]:
    bases = list(_bases(plan))
    products = [
        *(Constant(name, value) for name, value in bases),
        *(Constant(f"{p}·{q}", a * b, 2) for (p, a), (q, b) in combinations(bases, 2)),
        *(Constant(f"{p}/{q}", a / b, 2) for (p, a), (q, b) in combinations(bases, 2)),
    ]
    if len(bases) > 2:
        (p, a), (q, b), (r, c) = bases[:3]
        products.append(Constant(f"{p}·{q}·{r}", a * b * c, 3))
        products.append(Constant(f"{p}/({q}·{r})", a / (b * c), 3))
    for constant in products:
        if abs(constant.value - 1) > NEAR:
            yield constant
            yield Constant(_inverse(constant.name), 1 / constant.value, constant.parts)


def _bases(plan: Plan) -> Iterator[tuple[str, float]]:
    yield "2", 2.0
    if plan.batch > 1:
        yield "N", float(plan.batch)
    outputs = prod(plan.slots[plan.output].shape)
    if outputs > 1:
        yield "K", float(outputs)
    for step in plan.steps:
        scale = getattr(step.op, "scale", 1.0)
        if step.op.family == "activation" and scale != 1:
            yield f"the scale of {step.name}", float(scale)
    for step in plan.steps:
        if isinstance(step.op, Linear) and step.output != plan.output:
            yield f"the width of {step.name}", float(plan.slots[step.output].shape[-1])
    for name in plan.inputs:
        if plan.slots[plan.index[name]].shape:
            yield f"the size of {name}", float(prod(plan.slots[plan.index[name]].shape))


def _inverse(name: str) -> str:
    if "/" in name:
        above, below = name.split("/", 1)
        bare = below.strip("()")
        return f"{bare}/{above}" if above != "1" else bare
    return f"1/({name})" if "·" in name else f"1/{name}"
