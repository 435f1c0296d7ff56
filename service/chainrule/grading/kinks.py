"""Other ways than the truth's to take the subgradients at its kinks.

Whoever writes a rule treats its kinks all alike: a ReLU's mask is `s >= 0` everywhere, and says nothing of how the sign
of an error of zero is taken. So every op has its conventions, and each of them goes with each of the other ops'.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice, product

import numpy as np

from chainrule.engine.backends import Namespace
from chainrule.engine.op import Op, Point
from chainrule.engine.ops.margins import MulticlassHinge
from chainrule.grading.arrays import Array
from chainrule.grading.work import Convention, Work

Conventions = Mapping[str, Convention]
"""By the op's name; of one that is not there, its own."""

STEP = 1e-6
"""How far to either side of a kink the derivative is taken, relative to 1 and to the value there."""
MOST = 27
"""Conventions of all ops together that are tried: of three kinks each, those of three ops."""


def other_conventions(truth: Work) -> list[Conventions]:
    """Every other choice of a convention for each op that is at a kink. Empty where none is."""
    at_kinks: dict[str, list[tuple[Op, Point]]] = {}
    for number in range(len(truth.chain.plan.steps)):
        op, point = truth.op(number), truth.point(number)
        if _movable(truth.chain.xp, op, point).any():
            at_kinks.setdefault(op.name, []).append((op, point))
    every = [[None, *_differing(truth.chain.xp, where)] for where in at_kinks.values()]
    return [
        {name: each for name, each in zip(at_kinks, chosen, strict=True) if each is not None}
        for chosen in islice(product(*every), 1, MOST)
    ]


def _differing(xp: Namespace, where: list[tuple[Op, Point]]) -> list[Convention]:
    """The conventions of one op that differ from its own and from each other at some of its kinks."""
    known, found = [_slopes(xp, where, lambda _xp, _op, point: (point,))], list[Convention]()
    for convention in (_on_the_right, _on_the_left, _the_steeper, _the_flatter, _midway):
        slopes = _slopes(xp, where, convention)
        if not any(np.allclose(slopes, other, rtol=0.0, atol=10 * STEP) for other in known):
            known.append(slopes)
            found.append(convention)
    return found


def _slopes(xp: Namespace, where: list[tuple[Op, Point]], convention: Convention) -> Array:
    means = [np.mean([op.subgradient(xp, at) for at in convention(xp, op, point)], axis=0) for op, point in where]
    return np.concatenate([mean.reshape(-1) for mean in means])


# -- conventions: where a step is differentiated whose point is at a kink, or between which points ---------------------
def _on_the_right(xp: Namespace, op: Op, point: Point) -> tuple[Point, ...]:
    """Of equal largest under `max`, the last has it all."""
    return (_moved(xp, op, point, 1.0),)


def _on_the_left(xp: Namespace, op: Op, point: Point) -> tuple[Point, ...]:
    """Of equal largest under `max`, the first has it all."""
    return (_moved(xp, op, point, -1.0),)


def _the_steeper(xp: Namespace, op: Op, point: Point) -> tuple[Point, ...]:
    """Bounds count as inside."""
    return (_moved(xp, op, point, _steeper_side(xp, op, point)),)


def _the_flatter(xp: Namespace, op: Op, point: Point) -> tuple[Point, ...]:
    """Bounds count as outside."""
    return (_moved(xp, op, point, -_steeper_side(xp, op, point)),)


def _midway(xp: Namespace, op: Op, point: Point) -> tuple[Point, ...]:
    return _moved(xp, op, point, 1.0), _moved(xp, op, point, -1.0)


def _steeper_side(xp: Namespace, op: Op, point: Point) -> Array:
    right, left = (np.abs(op.subgradient(xp, _moved(xp, op, point, side))) for side in (1.0, -1.0))
    return np.where(right >= left, 1.0, -1.0)


def _moved(xp: Namespace, op: Op, point: Point, side: Array | float) -> Point:
    """The point with its first input to one side of each kink."""
    first, mask = point.inputs[0], _movable(xp, op, point)
    if not mask.any():
        return point
    apart = np.linspace(0.5, 1.0, first.size).reshape(first.shape)  # of equal largest, the first or the last
    inputs = (np.where(mask, first + STEP * side * apart * np.maximum(1.0, np.abs(first)), first), *point.inputs[1:])
    output, saved = op.forward(xp, *inputs)
    return point._replace(inputs=inputs, output=output, saved=saved)


def _movable(xp: Namespace, op: Op, point: Point) -> Array:
    """Where there is a kink with another subgradient."""
    mask = op.kinks(xp, point) if op.at_kink is not None else None
    if mask is None:
        return np.zeros(1, dtype=bool)
    movable: Array = mask & np.isfinite(op.subgradient(xp, point))  # beside √0 there is no other, on one side no root
    if isinstance(op, MulticlassHinge):  # a class meets the margin with the target, whose move takes every such along
        movable = movable & (point.saved.saved.t == 1)
    return movable
