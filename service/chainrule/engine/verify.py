"""An independent check of gradients: forward values alone, on NumPy in double precision.

Along random directions v, ⟨∇C, v⟩ is compared with the derivative of C(θ + tv) at t = 0, by complex step where every op
is analytic, else by the five-point rule at h = 1e-4 (error h⁴ f⁽⁵⁾/30). Where a second derivative jumps at the point,
as that of Huber's loss does at |ŷ − y| = δ, that rule is off by h/6 times the jump. So where it does not agree, the
mean of the two one-sided three-point rules at h = 1e-6 is tried too (error h² f⁽³⁾/3 on either side). None uses a
derivative rule of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, isnan, nan
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.backends import Namespace, choose
from chainrule.engine.backends.complex_step import STEP, ComplexNamespace
from chainrule.engine.errors import DomainError
from chainrule.engine.near_names import known
from chainrule.engine.op import Op
from chainrule.engine.plan import Plan
from chainrule.engine.trace import Trace, never, run_forward

Method = Literal["complex_step", "five_point"]
Rule = Literal[Method, "one_sided"]
DIRECTIONS = 2
FIVE_POINT_STEP = 1e-4
ONE_SIDED_STEP = 1e-6
FORWARD_PASSES = 8 * DIRECTIONS
"""At most, for each value that is verified."""
TOLERANCE: Mapping[tuple[Method, str], float] = {
    ("complex_step", "float64"): 1e-9,
    ("five_point", "float64"): 1e-7,
    ("complex_step", "float32"): 1e-3,
    ("five_point", "float32"): 1e-3,
}
LEAST: Mapping[tuple[Method, str], float] = {
    ("complex_step", "float64"): 1e-5,
    ("five_point", "float64"): 1e-3,
    ("complex_step", "float32"): 1e-3,
    ("five_point", "float32"): 1e-3,
}
"""Of the largest number there is: what ‖∇C‖ counts for at least. Times the tolerance it is what rounding leaves of a
gradient that is zero, and of a difference of equal values."""


@dataclass(frozen=True, slots=True)
class Verification:
    """For each name the largest deviation over the directions, relative to ‖∇C‖·‖v‖; NaN where there is none to take.

    `doubts` say why there is none, and where another rule than that of `method` had to be taken.
    """

    method: Method
    tolerance: float
    deviations: dict[str, float]
    doubts: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Every deviation is within the tolerance. NaN is not."""
        return all(deviation <= self.tolerance for deviation in self.deviations.values())


def verify(
    trace: Trace,
    of: int,
    leaves: Mapping[str, NDArray[Any]],
    gradients: Mapping[str, tuple[int, NDArray[Any]]],
    seed: NDArray[Any] | None,
    cancelled: Callable[[], bool] = never,
) -> Verification:
    """Check `gradients` (slot and value, by name) of ⟨seed, value of slot `of`⟩; without a seed, of that value itself.

    `leaves` are those of `trace`. Raises Cancelled where `cancelled()` says so between two nodes.
    """
    plan, xp = trace.plan, trace.xp
    method: Method = "complex_step" if all(step.op.analytic for step in plan.steps) else "five_point"
    tolerance = TOLERANCE[method, xp.dtype]
    least = LEAST[method, xp.dtype] * _largest_number(trace, seed)
    rng = np.random.Generator(np.random.Philox(key=0))
    deviations, outside, one_sided = dict[str, float](), list[str](), list[str]()
    for name, (slot, gradient) in gradients.items():
        directions = [rng.standard_normal(plan.full_shape(slot)) for _ in range(DIRECTIONS)]
        slopes = [_Slope(plan, of, leaves, seed, slot, v, cancelled) for v in directions]
        found = _largest(gradient, slopes, method, least)
        if method == "five_point" and not (found is not None and found <= tolerance):
            other = _largest(gradient, slopes, "one_sided", least)
            if other is not None and other <= tolerance:
                found = other
                one_sided.append(name)
        if found is None:
            outside.append(name)
        deviations[name] = nan if found is None else found
    doubts = [f"a step from {name} leaves where the network is defined" for name in outside]
    if any(map(isnan, deviations.values())):
        doubts += _not_finite(xp.to_numpy(trace.values[of]), gradients, of_loss=seed is None)
    if one_sided:
        closer = f"h = {ONE_SIDED_STEP:g}, closer than the five-point rule at {FIVE_POINT_STEP:g}"
        doubts.append(f"compared by one-sided differences at {closer}: {known(one_sided)}")
    return Verification(method, tolerance, deviations, tuple(doubts))


def _largest_number(trace: Trace, seed: NDArray[Any] | None) -> float:
    """The largest of all that are finite, of the values and of the seed."""
    held = [*map(trace.xp.to_numpy, trace.values), np.ones(()) if seed is None else seed]
    return max(float(np.abs(array[np.isfinite(array)]).max(initial=0.0)) for array in held)


def _largest(gradient: NDArray[Any], slopes: Sequence[_Slope], rule: Rule, least: float) -> float | None:
    """The largest deviation from those slopes; NaN where one is not finite, None where a step leaves the domain."""
    try:
        found = [_deviation(gradient, slope.direction, slope.by(rule), least) for slope in slopes]
    except DomainError:
        return None
    return max(found) if all(map(isfinite, found)) else nan


def _deviation(gradient: NDArray[Any], direction: NDArray[Any], slope: float, least: float) -> float:
    """|⟨∇C, v⟩ − slope|, relative to ‖∇C‖·‖v‖, of which ‖∇C‖ counts for `least` at least; itself where that is 0."""
    size = max(float(np.linalg.norm(gradient)), least) * float(np.linalg.norm(direction))
    off = abs(float(np.sum(gradient * direction)) - slope)
    return off / size if size > 0 else off


def _not_finite(
    value: NDArray[Any], gradients: Mapping[str, tuple[int, NDArray[Any]]], *, of_loss: bool
) -> Iterator[str]:
    if not np.isfinite(value).all():
        yield f"the {'loss' if of_loss else 'output'} is not finite here, so differences of it say nothing"
    names = [name for name, (_, gradient) in gradients.items() if not np.isfinite(gradient).all()]
    if names:
        yield f"not finite, so there is nothing to compare: the gradient of {known(names)}"


@dataclass(frozen=True, slots=True)
class _Slope:
    """The derivative of the value along one direction of one slot."""

    plan: Plan
    of: int
    leaves: Mapping[str, NDArray[Any]]
    seed: NDArray[Any] | None
    slot: int
    direction: NDArray[Any]
    cancelled: Callable[[], bool]

    def by(self, rule: Rule) -> float:
        if rule == "complex_step":
            return float(np.imag(self._value(ComplexNamespace(), 1j * STEP)) / STEP)
        xp, h = choose("numpy", "cpu", "float64"), FIVE_POINT_STEP if rule == "five_point" else ONE_SIDED_STEP
        far = self._value(xp, -2 * h) - self._value(xp, 2 * h)
        near = self._value(xp, h) - self._value(xp, -h)
        return float((far + 8 * near) / (12 * h) if rule == "five_point" else (far + 4 * near) / (4 * h))

    def _value(self, xp: Namespace, t: complex) -> Any:
        moved = _moved(self.plan, self.slot, t * self.direction)
        trace = run_forward(moved, xp, self._arrays(xp, t), self.cancelled)
        out = trace.values[self.of]
        return np.sum(out if self.seed is None else out * self.seed)

    def _arrays(self, xp: Namespace, t: complex) -> dict[str, Any]:
        name = self.plan.slots[self.slot].name
        arrays = {key: xp.asarray(array) for key, array in self.leaves.items()}
        if name in arrays:
            arrays[name] = arrays[name] + t * self.direction
        return arrays


def _moved(plan: Plan, slot: int, change: NDArray[Any]) -> Plan:
    """The plan with `change` added to a node's output; the plan itself where the slot is a leaf."""
    producer = plan.producer(slot)
    if producer is None:
        return plan
    steps = tuple(replace(step, op=_Shifted(step.op, change)) if step is producer else step for step in plan.steps)
    return replace(plan, steps=steps, programs={})


@dataclass(frozen=True)
class _Shifted(Op):
    """An op whose output is moved by a constant."""

    op: Op
    change: NDArray[Any]

    def forward(self, xp: Namespace, *inputs: Any) -> tuple[Any, Any]:
        output, saved = self.op.forward(xp, *inputs)
        return output + self.change, saved
