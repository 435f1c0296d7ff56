"""An independent check of gradients: forward values alone, on NumPy in double precision.

Along random directions v, ⟨∇C, v⟩ is compared with the derivative of C(θ + tv) at t = 0, by complex step where every op
is analytic, else by the five-point rule at h = 1e-4 (error h⁴ f⁽⁵⁾/30). Neither uses a derivative rule of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import isfinite, isnan, nan
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.backends import Namespace, choose
from chainrule.engine.backends.complex_step import STEP, ComplexNamespace
from chainrule.engine.errors import DomainError
from chainrule.engine.graph import known
from chainrule.engine.op import Op
from chainrule.engine.plan import Plan
from chainrule.engine.trace import Trace, never, run_forward

Method = Literal["complex_step", "five_point"]
DIRECTIONS = 2
FIVE_POINT_STEP = 1e-4
FORWARD_PASSES = 4 * DIRECTIONS
"""At most, for each value that is verified."""
TOLERANCE: Mapping[tuple[Method, str], float] = {
    ("complex_step", "float64"): 1e-9,
    ("five_point", "float64"): 1e-7,
    ("complex_step", "float32"): 1e-3,
    ("five_point", "float32"): 1e-3,
}


@dataclass(frozen=True, slots=True)
class Verification:
    """For each name the largest deviation over the directions, relative to ‖∇C‖·‖v‖; NaN where there is none to take.

    `doubts` say why there is none.
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
    rng = np.random.Generator(np.random.Philox(key=0))
    deviations, doubts = {}, list[str]()
    for name, (slot, gradient) in gradients.items():
        directions = [rng.standard_normal(plan.full_shape(slot)) for _ in range(DIRECTIONS)]
        try:
            found = [
                _deviation(gradient, v, _Slope(plan, of, leaves, seed, slot, v, cancelled).by(method))
                for v in directions
            ]
        except DomainError:
            doubts.append(f"a step from {name} leaves where the network is defined")
            found = [nan]
        deviations[name] = max(found) if all(map(isfinite, found)) else nan
    if any(map(isnan, deviations.values())):
        doubts += _not_finite(xp.to_numpy(trace.values[of]), gradients, of_loss=seed is None)
    return Verification(method, TOLERANCE[method, xp.dtype], deviations, tuple(doubts))


def _deviation(gradient: NDArray[Any], direction: NDArray[Any], slope: float) -> float:
    """|⟨∇C, v⟩ − slope|, relative to ‖∇C‖·‖v‖ where that is not 0."""
    size = float(np.linalg.norm(gradient)) * float(np.linalg.norm(direction))
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

    def by(self, method: Method) -> float:
        if method == "complex_step":
            return float(np.imag(self._value(ComplexNamespace(), 1j * STEP)) / STEP)
        xp, h = choose("numpy", "cpu", "float64"), FIVE_POINT_STEP
        far = self._value(xp, -2 * h) - self._value(xp, 2 * h)
        near = self._value(xp, h) - self._value(xp, -h)
        return float((far + 8 * near) / (12 * h))

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
