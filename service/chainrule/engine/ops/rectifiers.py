"""Activations that are linear piece by piece."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.engine.backends import Array, Namespace
from chainrule.engine.op import Contribution, Elementwise, Point, Sample, Wanted, option
from chainrule.engine.registry import register


@register
@dataclass(frozen=True)
class Identity(Elementwise):
    """f(s) = s; f'(s) = 1."""

    name = "identity"
    formula = "s"
    derivative_formula = "1"
    samples = (Sample(((3,),)), Sample(((2, 3),)))

    def f(self, xp: Namespace, x: Array) -> Array:
        return x

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return xp.ones_like(x)

    def vjp(self, xp: Namespace, cotangent: Array, at: Point, wanted: Wanted) -> tuple[Contribution, ...]:
        return (cotangent,)


@register
@dataclass(frozen=True)
class Relu(Elementwise):
    """f(s) = c·max(s, 0); f'(s) = c where s > 0, else 0."""

    name = "relu"
    formula = "c max(s, 0)"
    derivative_formula = "c where s > 0, else 0"
    at_kink = "0 at 0"
    samples = (Sample(((4,),)), Sample(((2, 3),), {"scale": 3.0}))

    scale: float = option(1.0, "the factor c")

    def f(self, xp: Namespace, x: Array) -> Array:
        positive = xp.relu(x)
        return positive if self.scale == 1 else positive * self.scale

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        step = xp.step(x)
        return step if self.scale == 1 else step * self.scale

    def kink(self, xp: Namespace, x: Array) -> Array | None:
        return x == 0
