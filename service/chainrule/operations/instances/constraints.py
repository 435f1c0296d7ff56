"""What the numbers of an instance have to fulfil, looked up in its forward pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import lru_cache
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.backends import choose
from chainrule.engine.op import Op, Point, options_of
from chainrule.engine.plan import Step
from chainrule.engine.trace import Trace
from chainrule.schemas.templates import Constraints

RECTIFIERS = frozenset({"relu", "leaky_relu", "prelu", "relu6", "hardtanh", "clamp"})
"""Ops whose units are on one side of a kink or the other."""


def violated(constraints: Constraints, sizes: Mapping[str, int], trace: Trace) -> str | None:
    """The first constraint that the numbers of a trace (on NumPy) do not fulfil, by its name; None where all hold."""
    if not all(np.isfinite(value).all() for value in trace.values[len(trace.values) - len(trace.points) :]):
        return "finite"
    kinked = [(step, point) for step, point in zip(trace.plan.steps, trace.points, strict=True) if step.op.at_kink]
    if any(_is_near(step, point, constraints.kink_distance) for step, point in kinked):
        return "kink_distance"
    rectifiers = [(step, point) for step, point in kinked if step.op.name in RECTIFIERS]
    if constraints.both_sides and not all(_both_sides(step.op, point) for step, point in rectifiers):
        return "both_sides"
    if constraints.unnamed_share and rectifiers:
        named = named_constants([*sizes.values(), trace.plan.batch], [step.op for step in trace.plan.steps])
        if any(share in named for step, point in rectifiers for share in _shares(step.op, point)):
            return "unnamed_share"
    return None


@lru_cache(maxsize=256)
def kinks_of(op: Op) -> tuple[float, ...]:
    """Where an activation has its kinks: at 0, at a small whole number, or at one of its options.

    Empty for an op that is no activation: its kinks lie where operands meet.
    """
    if op.family != "activation":
        return ()
    options = [getattr(op, option.name) for option in options_of(type(op))]
    numbers = [abs(value) for value in options if isinstance(value, int | float)]
    candidates = np.unique([sign * number for number in (*range(11), *numbers) for sign in (-1.0, 1.0)])
    mask = op.kinks(choose("numpy", "cpu", "float64"), Point((candidates,), candidates, None))
    return () if mask is None else tuple(candidates[mask].tolist())


def named_constants(sizes: Iterable[int], ops: Iterable[Op]) -> frozenset[Fraction]:
    """2, the sizes, the ops' scales, their inverses, and products of two of all these."""
    numbers = {Fraction(1), Fraction(2), *map(Fraction, sizes)}
    numbers |= {Fraction(abs(scale)) for op in ops if isinstance(scale := getattr(op, "scale", None), float) and scale}
    both = numbers | {1 / number for number in numbers}
    return frozenset(one * other for one, other in combinations_with_replacement(both, 2))


def _is_near(step: Step, point: Point, distance: float) -> bool:
    x: NDArray[Any] = point.inputs[0]
    mask = step.op.kinks(choose("numpy", "cpu", "float64"), point)
    if mask is not None and np.any(mask):
        return True
    return any(bool(np.any(np.abs(x - kink) < distance)) for kink in kinks_of(step.op))


def _both_sides(op: Op, point: Point) -> bool:
    x: NDArray[Any] = point.inputs[0]
    return len(np.unique(np.searchsorted(kinks_of(op), x))) > 1


def _shares(op: Op, point: Point) -> Iterable[Fraction]:
    """Of all units, how many are beyond each kink."""
    x: NDArray[Any] = point.inputs[0]
    return (Fraction(int(np.count_nonzero(x > kink)), x.size) for kink in kinks_of(op))
