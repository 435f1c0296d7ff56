"""Losses on the error ŷ − y of every element."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chainrule.engine.backends import Array, Namespace
from chainrule.engine.op import Point, Sample, Saved, option
from chainrule.engine.ops.loss import Loss, Reduction, reduction, times
from chainrule.engine.registry import register

_SAMPLES = (Sample(((3,), (3,))), Sample(((2, 3), (2, 3)), {"scale": 0.5}))


@register
@dataclass(frozen=True)
class SquaredError(Loss):
    """(ŷ − y)²; derivative 2(ŷ − y). `sum` by default: ‖ŷ − y‖². `scale: 0.5` for the ½ that some courses use."""

    name = "squared_error"
    formula = "(ŷ − y)²"
    derivative_formula = "2(ŷ − y)"
    samples = _SAMPLES

    reduction: Reduction = reduction("sum")

    def elements(self, xp: Namespace, prediction: Array, target: Array) -> tuple[Array, Saved]:
        error = prediction - target
        return error * error, error

    def derivative(self, xp: Namespace, saved: Saved) -> Array:
        return saved + saved

    def weighted(self, xp: Namespace, saved: Saved, weight: Any) -> Array:
        return times(xp, saved, 2.0 * weight)


@register
@dataclass(frozen=True)
class MeanSquaredError(SquaredError):
    """(ŷ − y)²; derivative 2(ŷ − y). `squared_error` with `mean` by default: divided by every element, N·K."""

    name = "mse"

    reduction: Reduction = reduction("mean")


@register
@dataclass(frozen=True)
class L1(Loss):
    """|ŷ − y|; derivative sign(ŷ − y)."""

    name = "l1"
    formula = "|ŷ − y|"
    derivative_formula = "sign(ŷ − y)"
    at_kink = "0 where ŷ = y"
    samples = _SAMPLES

    def elements(self, xp: Namespace, prediction: Array, target: Array) -> tuple[Array, Saved]:
        error = prediction - target
        return xp.abs(error), error

    def derivative(self, xp: Namespace, saved: Saved) -> Array:
        return xp.sign(saved)

    def kinks(self, xp: Namespace, at: Point) -> Array | None:
        return at.saved.saved == 0


@register
@dataclass(frozen=True)
class Huber(Loss):
    """(ŷ − y)²/2 where |ŷ − y| ≤ δ, else δ(|ŷ − y| − δ/2); derivative ŷ − y kept within [−δ, δ].

    With c that derivative, both branches are c(ŷ − y − c/2).
    """

    name = "huber"
    formula = "(ŷ − y)²/2 where |ŷ − y| ≤ δ, else δ(|ŷ − y| − δ/2)"
    derivative_formula = "ŷ − y where |ŷ − y| ≤ δ, else δ sign(ŷ − y)"
    samples = (*_SAMPLES, Sample(((3,), (3,)), {"delta": 0.3}))

    delta: float = option(1.0, "δ, where the parabola goes over into a line", above=0)

    def elements(self, xp: Namespace, prediction: Array, target: Array) -> tuple[Array, Saved]:
        error = prediction - target
        clipped = xp.clip(error, -self.delta, self.delta)
        return clipped * (error - clipped / 2), clipped

    def derivative(self, xp: Namespace, saved: Saved) -> Array:
        return saved


@register
@dataclass(frozen=True)
class SmoothL1(Loss):
    """(ŷ − y)²/(2β) where |ŷ − y| ≤ β, else |ŷ − y| − β/2: Huber's loss at δ = β, divided by β."""

    name = "smooth_l1"
    formula = "(ŷ − y)²/(2β) where |ŷ − y| ≤ β, else |ŷ − y| − β/2"
    derivative_formula = "(ŷ − y)/β where |ŷ − y| ≤ β, else sign(ŷ − y)"
    samples = (*_SAMPLES, Sample(((3,), (3,)), {"beta": 0.3}))

    beta: float = option(1.0, "β, where the parabola goes over into a line; `l1` is the limit β → 0", above=0)

    def elements(self, xp: Namespace, prediction: Array, target: Array) -> tuple[Array, Saved]:
        error = prediction - target
        clipped = xp.clip(error / self.beta, -1.0, 1.0)
        return clipped * (error - clipped * (self.beta / 2)), clipped

    def derivative(self, xp: Namespace, saved: Saved) -> Array:
        return saved
