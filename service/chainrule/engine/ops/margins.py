"""Losses that ask for a margin and are content beyond it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from chainrule.engine.backends import Array, Namespace, Shape
from chainrule.engine.errors import DomainError
from chainrule.engine.op import Point, Sample, Saved, option, wants
from chainrule.engine.ops.classification import check_classes
from chainrule.engine.ops.loss import Loss, first
from chainrule.engine.registry import register


@register
@dataclass(frozen=True)
class Hinge(Loss):
    """max(0, m − yŷ) for y = ±1; derivative −y where yŷ < m, else 0."""

    name = "hinge"
    formula = "max(0, m − y ŷ)"
    derivative_formula = "−y where y ŷ < m, else 0"
    at_kink = "0 at the margin, y ŷ = m"
    samples = (
        Sample(((3,), (3,)), draws=("uniform", "sign")),
        Sample(((2, 3), (2, 3)), {"margin": 0.5, "scale": 0.5}, draws=("uniform", "sign")),
    )

    margin: float = option(1.0, "the margin m")

    def targets(self, xp: Namespace, target: Array) -> Array:
        y = super().targets(xp, target)
        other = (y != 1) & (y != -1)
        if xp.count_nonzero(other):
            found = first(xp, y, other)
            advice = ": write -1 for the negative class" if found == 0 else ""
            raise DomainError(f"hinge targets are 1 or -1, and one is {found:.6g}{advice}", operand="targets")
        return y

    def elements(self, xp: Namespace, prediction: Array, target: Array) -> tuple[Array, Saved]:
        short = self.margin - prediction * target
        return xp.relu(short), (short, target)

    def derivative(self, xp: Namespace, saved: Saved) -> Array:
        short, target = saved
        return -target * xp.step(short)

    def kinks(self, xp: Namespace, at: Point) -> Array | None:
        short, _ = at.saved.saved
        return short == 0


class Margins(NamedTuple):
    """How far each class is short of the margin, m − zₜ + zⱼ (−1 at t itself), and the target t, one-hot."""

    short: Array
    t: Array


@register
@dataclass(frozen=True)
class MulticlassHinge(Loss):
    """Σ max(0, m − zₜ + zⱼ)ᵖ over the classes j ≠ t, divided by K unless `divide_by_classes` is false.

    Derivative: for j ≠ t, p·max(0, m − zₜ + zⱼ)ᵖ⁻¹ where that is above 0, else 0; for t, minus the sum of those.
    Divided by K it is torch's multi_margin_loss, undivided the loss of Stanford's CS231n (Weston and Watkins, 1999).
    """

    name = "multiclass_hinge"
    rowwise = True
    formula = "Σ_{j≠t} max(0, m − zₜ + zⱼ)ᵖ / K"
    derivative_formula = "p max(0, m − zₜ + zⱼ)ᵖ⁻¹ / K for j ≠ t; minus their sum for t"
    at_kink = "0 at the margin, zₜ − zⱼ = m, for p = 1; smooth for p = 2"
    samples = (
        Sample(((4,), ()), draws=("uniform", "class")),
        Sample(((2, 4), (2,)), {"p": 2, "margin": 0.5}, draws=("uniform", "class")),
        Sample(((4,), ()), {"divide_by_classes": False, "scale": 0.5}, draws=("uniform", "class")),
    )

    margin: float = option(1.0, "the margin m")
    p: Literal[1, 2] = option(1, "the power")
    divide_by_classes: bool = option(True, "divide by the number of classes K: torch does, CS231n does not")

    def check(self, prediction: Shape, target: Shape) -> None:
        if not prediction:
            raise wants(self.name, "prediction", prediction, "classes on its last axis, [..., K]")
        if target != prediction[:-1]:
            raise wants(self.name, "targets", target, f"class indices of shape {list(prediction[:-1])} in each example")

    def targets(self, xp: Namespace, target: Array) -> Array:
        return target

    def elements(self, xp: Namespace, prediction: Array, target: Array) -> tuple[Array, Saved]:
        count = prediction.shape[-1]
        check_classes(xp, self.name, target, count)
        t = xp.one_hot(target, count)
        own = t == 1
        right = xp.sum(xp.where(own, prediction, 0.0), -1, keepdims=True)
        # zⱼ − zₜ first: beside a large zₜ the margin would be lost.
        short = xp.where(own, -1.0, prediction - right + self.margin)
        missing = xp.relu(short)
        value = xp.sum(missing if self.p == 1 else missing * missing, -1)
        return value / count if self.divide_by_classes else value, Margins(short, t)

    def derivative(self, xp: Namespace, saved: Saved) -> Array:
        short, t = saved
        rising = xp.step(short) if self.p == 1 else 2 * xp.relu(short)
        rising = rising / short.shape[-1] if self.divide_by_classes else rising
        return rising - t * xp.sum(rising, -1, keepdims=True)

    def kinks(self, xp: Namespace, at: Point) -> Array | None:
        if self.p == 2:
            return None
        short, t = at.saved.saved
        met = xp.as_float(short == 0)
        return (met + t * xp.sum(met, -1, keepdims=True)) > 0
