"""Smooth activations shaped like a sigmoid, and those gated by one."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt
from typing import Literal

from chainrule.engine.backends import Array, Namespace
from chainrule.engine.op import Elementwise, Sample, option
from chainrule.engine.registry import register


@register
@dataclass(frozen=True)
class Sigmoid(Elementwise):
    """a = σ(s) = 1/(1 + e⁻ˢ); σ'(s) = a(1 − a), from the output."""

    name = "sigmoid"
    quiet = "saturated"
    formula = "1 / (1 + e⁻ˢ)"
    derivative_formula = "a(1 − a)"
    samples = (Sample(((4,),)), Sample(((2, 3),)))

    def f(self, xp: Namespace, x: Array) -> Array:
        return xp.sigmoid(x)

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return y * (xp.one - y)

    def steepest(self) -> float:
        return 0.25


@register
@dataclass(frozen=True)
class Tanh(Elementwise):
    """a = tanh s; tanh'(s) = 1 − a², from the output."""

    name = "tanh"
    quiet = "saturated"
    formula = "tanh s"
    derivative_formula = "1 − a²"
    samples = (Sample(((4,),)), Sample(((2, 3),)))

    def f(self, xp: Namespace, x: Array) -> Array:
        return xp.tanh(x)

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return xp.one - y * y


@register
@dataclass(frozen=True)
class Softsign(Elementwise):
    """f(s) = s/(1 + |s|); f'(s) = 1/(1 + |s|)², at 0 too."""

    name = "softsign"
    quiet = "saturated"
    formula = "s / (1 + |s|)"
    derivative_formula = "1 / (1 + |s|)²"
    samples = (Sample(((4,),)), Sample(((2, 3),)))

    def f(self, xp: Namespace, x: Array) -> Array:
        return x / (xp.one + xp.abs(x))

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        width = xp.one + xp.abs(x)
        return xp.one / (width * width)


@register
@dataclass(frozen=True)
class Gelu(Elementwise):
    """f(s) = s Φ(s), Φ the standard normal distribution function; f'(s) = Φ(s) + s φ(s) (Hendrycks and Gimpel, 2016).

    With `approximate: "tanh"`, Φ(s) ≈ ½(1 + tanh u), u = √(2/π)(s + 0.044715 s³), and the derivative is that of this.
    """

    name = "gelu"
    quiet = "inactive"
    formula = "s Φ(s), Φ(s) = ½(1 + erf(s/√2))"
    derivative_formula = "Φ(s) + s φ(s), φ(s) = e^(−s²/2)/√(2π)"
    analytic = False
    samples = (
        Sample(((4,),)),
        Sample(((2, 3),)),
        Sample(((4,),), {"approximate": "tanh"}),
    )

    approximate: Literal["none", "tanh"] = option("none", "`none`: by erf; `tanh`: the approximation by tanh")

    def f(self, xp: Namespace, x: Array) -> Array:
        if self.approximate == "tanh":
            return 0.5 * x * (xp.one + self._tanh(xp, x))
        return x * self._distribution(xp, x)

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        if self.approximate == "tanh":
            t, near = self._tanh(xp, x), xp.clip(x, -FLAT, FLAT)
            slope = ROOT_2_OVER_PI * (1 + 3 * CUBIC * near * near)
            return 0.5 * (xp.one + t) + 0.5 * near * (xp.one - t * t) * slope
        return self._distribution(xp, x) + x * xp.exp(-0.5 * x * x) / sqrt(2 * pi)

    def steepest(self) -> float:
        return 1.129

    @staticmethod
    def _tanh(xp: Namespace, x: Array) -> Array:
        return xp.tanh(ROOT_2_OVER_PI * (x + CUBIC * x * x * x))

    @staticmethod
    def _distribution(xp: Namespace, x: Array) -> Array:
        return 0.5 * (xp.one + xp.erf(x / sqrt(2)))


CUBIC = 0.044715
ROOT_2_OVER_PI = sqrt(2 / pi)
FLAT = 1e3
"""Beyond it tanh u is ±1, with a derivative of 0. The square of s may overflow there, and 0 · ∞ is no number."""


@register
@dataclass(frozen=True)
class Silu(Elementwise):
    """f(s) = s σ(s); f'(s) = σ(s)(1 + s(1 − σ(s))). Also known as swish."""

    name = "silu"
    quiet = "inactive"
    formula = "s σ(s)"
    derivative_formula = "σ(s)(1 + s(1 − σ(s)))"
    samples = (Sample(((4,),)), Sample(((2, 3),)))

    def f(self, xp: Namespace, x: Array) -> Array:
        return x * xp.sigmoid(x)

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        a = xp.sigmoid(x)
        return a * (xp.one + x * (xp.one - a))

    def steepest(self) -> float:
        return 1.1


@register
@dataclass(frozen=True)
class Mish(Elementwise):
    """f(s) = s t, t = tanh(log(1 + eˢ)); f'(s) = t + s(1 − t²)σ(s) (Misra, 2019)."""

    name = "mish"
    quiet = "inactive"
    formula = "s t, t = tanh(log(1 + eˢ))"
    derivative_formula = "t + s(1 − t²)σ(s)"
    samples = (Sample(((4,),)), Sample(((2, 3),)))

    def f(self, xp: Namespace, x: Array) -> Array:
        return x * xp.tanh(xp.softplus(x))

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        t = xp.tanh(xp.softplus(x))
        return t + x * (xp.one - t * t) * xp.sigmoid(x)

    def steepest(self) -> float:
        return 1.089
