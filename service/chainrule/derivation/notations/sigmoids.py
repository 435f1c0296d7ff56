"""Smooth activations shaped like a sigmoid, and those gated by one."""

from __future__ import annotations

from math import pi

from chainrule.derivation.expressions import Expression, Number, Size
from chainrule.derivation.functions import Absolute, Function, Root, exp, log, sigma, tanh
from chainrule.derivation.notation import OfEach, writes
from chainrule.engine.ops.sigmoids import CUBIC, Gelu, Mish, Sigmoid, Silu, Softsign, Tanh

PI = Size(r"\pi", pi)


@writes(Sigmoid)
class OfSigmoid(OfEach[Sigmoid]):
    """σ(s)."""

    def f(self, s: Expression) -> Expression:
        return sigma(s)

    def slope(self, s: Expression) -> Expression:
        return sigma(s) * (1 - sigma(s))


@writes(Tanh)
class OfTanh(OfEach[Tanh]):
    """tanh s."""

    def f(self, s: Expression) -> Expression:
        return tanh(s)

    def slope(self, s: Expression) -> Expression:
        return 1 - tanh(s) ** 2


@writes(Softsign)
class OfSoftsign(OfEach[Softsign]):
    """s/(1 + |s|)."""

    title = "softsign"

    def f(self, s: Expression) -> Expression:
        return s / (1 + Absolute(s))

    def slope(self, s: Expression) -> Expression:
        return 1 / (1 + Absolute(s)) ** 2


@writes(Gelu)
class OfGelu(OfEach[Gelu]):
    """s Φ(s), Φ the normal distribution function, or its approximation by tanh."""

    title = "GELU"

    def f(self, s: Expression) -> Expression:
        if self.op.approximate == "tanh":
            return 0.5 * s * (1 + tanh(self._u(s)))
        return s * Function("Phi", s)

    def slope(self, s: Expression) -> Expression:
        if self.op.approximate == "tanh":
            t = tanh(self._u(s))
            steepness = Root(2 / PI) * (1 + Number(3 * CUBIC) * s**2)
            return 0.5 * (1 + t) + 0.5 * s * (1 - t**2) * steepness
        return Function("Phi", s) + s * Function("phi", s)

    @staticmethod
    def _u(s: Expression) -> Expression:
        return Root(2 / PI) * (s + Number(CUBIC) * s**3)


@writes(Silu)
class OfSilu(OfEach[Silu]):
    """s σ(s)."""

    title = "SiLU"

    def f(self, s: Expression) -> Expression:
        return s * sigma(s)

    def slope(self, s: Expression) -> Expression:
        return sigma(s) * (1 + s * (1 - sigma(s)))


@writes(Mish)
class OfMish(OfEach[Mish]):
    """s tanh(log(1 + eˢ))."""

    title = "mish"

    def f(self, s: Expression) -> Expression:
        return s * self._t(s)

    def slope(self, s: Expression) -> Expression:
        return self._t(s) + s * (1 - self._t(s) ** 2) * sigma(s)

    @staticmethod
    def _t(s: Expression) -> Expression:
        return tanh(log(1 + exp(s)))
