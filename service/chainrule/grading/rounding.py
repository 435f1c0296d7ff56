"""What rounding leaves in every number of a problem: of each step, its own and what it passes on of those before it.

Where large terms cancel, a right answer is off by what its precision makes of the terms, however small the truth is.
Each step is done once more in float32 from the truth, so that what it is off by is its own, and no ReLU switches for
what came before it. What comes in is passed on by the step's own derivative, under random signs: with ones, what
cancels in the truth would cancel here too. The derivative itself is off by what its values are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from chainrule.engine.backends import choose
from chainrule.engine.cost import forward_cost
from chainrule.engine.plan import Plan
from chainrule.grading.arrays import Array
from chainrule.grading.inquiry import size_of
from chainrule.grading.policy import finite, largest
from chainrule.grading.quantities import Quantity
from chainrule.grading.work import Chain, Work

EPS = float(np.finfo(np.float32).eps)
DRAWS = 3
"""Of each step in float32: a single one may happen to be exact."""
FEW = 3.0
"""Another order of the same operations rounds as much, not the same."""
MOST = 1e-2
"""Of the largest entry. What is more counts as far as the terms' own rounding goes, and no further:"""
TERMS = 8.0 * EPS
"""of 1, or of the problem's largest number for values, and where terms cancel and leave nothing. Beyond that, as with
a sigmoid at 1 whose logarithm is taken, it is the problem that float32 has no numbers for."""
DEAREST, A_NUMBER = 5 * 10**8, 1_000
"""Of a larger problem it takes too long: floating-point operations of a forward pass, with so many for each number."""
NOTHING = 1e-12
"""Of the problem's largest number. Less is zero, but for the rounding of float64."""


def affordable(plan: Plan, seeds: int = 1) -> bool:
    """Whether the rounding of a problem is worked out in a fraction of a second. `seeds`: cotangents at once."""
    return seeds * (forward_cost(plan).flops + A_NUMBER * size_of(plan)) <= DEAREST


class Rounding:
    """How far each value and each cotangent may be off."""

    def __init__(self, truth: Work, slots: Collection[int]) -> None:
        """Of `slots` and what leads to them. Raises EngineError where a step is not defined in float32."""
        chain, of = truth.chain, truth.chain.of
        values = {slot: np.asarray(truth.value(slot)) for slot in slots}
        seed = EPS * np.abs(np.asarray(truth.cotangent(of)))
        self._truth, self._rng = truth, np.random.Generator(np.random.Philox(key=0))
        self._chain = Chain(chain.plan, choose("numpy", "cpu", "float32"), of, keep_batch=chain.keep_batch)
        self._values: dict[int, Array] = {slot: EPS * np.abs(value) for slot, value in values.items()}
        self._cotangents: dict[int, Array] = {of: seed}
        steps = [number for number, step in enumerate(chain.plan.steps) if step.output in values]
        for number in steps:
            self._forward(number)
        for number in reversed(steps):
            self._backward(number)
        self._largest = max(1.0, *(largest(finite(value)) for value in values.values()))
        self._seed = largest(finite(seed)) / EPS
        self._sizes = {"value": _sizes(self._values), "gradient": _sizes(self._cotangents)}
        del self._truth, self._values, self._cotangents

    def of(self, quantity: Quantity, truth: Array, eps: float) -> float:
        """How far an entry may be off in a precision of that `eps`."""
        gradient, size, finer = quantity.kind in ("gradient", "jacobian"), largest(finite(truth)), eps / EPS
        off = FEW * self._sizes["gradient" if gradient else "value"].get(quantity.slot, 0.0)
        scale = self._seed if gradient else 1.0
        if not gradient or size <= NOTHING * scale * self._largest:
            scale *= self._largest
        return min(off * finer, max(MOST * size, TERMS * scale * finer))

    def _in_single(self, number: int, *, backward: bool) -> Iterator[Work]:
        """A step's numbers in float32, each a little nearer to zero, as rounding may have it: that leaves no domain.

        `backward`: in the mean by as much as they are off along the chain, not by their own rounding alone.
        """
        plan, xp = self._chain.plan, self._chain.xp
        step = plan.steps[number]
        for _ in range(DRAWS):
            values = {slot: xp.asarray(self._rounded(slot, backward)) for slot in (*step.inputs, step.output)}
            cotangent = self._truth.cotangent(step.output)
            passed = None if cotangent is None else xp.asarray(self._nearer(cotangent, EPS * np.abs(cotangent)))
            yield Work.of_numbers(self._chain, values, {step.output: passed})

    def _rounded(self, slot: int, backward: bool) -> Array:
        value = self._truth.value(slot)
        if slot == self._chain.plan.targets:
            return value
        return self._nearer(value, 2.0 * self._values[slot] if backward else EPS * np.abs(value))

    def _nearer(self, array: Any, off: Array) -> Array:
        size = np.abs(array)
        return np.asarray(np.sign(array) * (size - np.minimum(size, off) * self._rng.random(np.shape(array))))

    def _signed(self, array: Array) -> Array:
        return np.where(self._rng.random(array.shape) < 0.5, array, -array)

    def _forward(self, number: int) -> None:
        truth, step = self._truth, self._truth.chain.plan.steps[number]
        point, targets = truth.point(number), truth.chain.plan.targets
        tangents = [None if slot == targets else self._signed(self._values[slot]) for slot in step.inputs]
        found = self._values[step.output] + np.abs(step.op.jvp(truth.chain.xp, tuple(tangents), point))
        own = [
            step.op.forward(single.chain.xp, *[single.value(slot) for slot in step.inputs])[0] - point.output
            for single in self._in_single(number, backward=False)
        ]
        self._values[step.output] = _finite(found + np.abs(own).max(axis=0))

    def _backward(self, number: int) -> None:
        truth, step = self._truth, self._truth.chain.plan.steps[number]
        if step.output not in self._cotangents:
            return
        passed = truth.with_cotangent(step.output, self._signed(self._cotangents[step.output]))
        singles = list(self._in_single(number, backward=True))
        for position, slot in enumerate(step.inputs):
            right = truth.contribution(number, position)
            if right is not None:
                own = [single.contribution(number, position) - right for single in singles]
                found = EPS * np.abs(right) + np.abs(own).max(axis=0) + np.abs(passed.contribution(number, position))
                self._cotangents[slot] = self._cotangents.get(slot, 0.0) + _finite(found)


def _finite(array: Array) -> Array:
    """With nothing in the place of what is not finite: rounding says nothing there."""
    return np.where(np.isfinite(array), array, 0.0)


def _sizes(arrays: dict[int, Array]) -> dict[int, float]:
    return {slot: largest(np.asarray(array)) for slot, array in arrays.items()}
