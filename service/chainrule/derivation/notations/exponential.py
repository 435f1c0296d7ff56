"""Exponentials, powers and logarithms, element by element."""

from __future__ import annotations

from chainrule.derivation.conditions import Cases, Relation
from chainrule.derivation.expressions import Expression, Number
from chainrule.derivation.functions import Root, exp, log, sigma
from chainrule.derivation.indexed import Defined
from chainrule.derivation.notation import OfEach, writes
from chainrule.engine.ops.exponential import (
    SELU_ALPHA,
    SELU_SCALE,
    Celu,
    Elu,
    Exp,
    Log,
    Selu,
    Softplus,
    Sqrt,
    Square,
)


def _above_zero(s: Expression, value: Expression, otherwise: Expression) -> Expression:
    return Cases(((value, Relation(s, ">", Number(0))),), otherwise)


@writes(Elu)
class OfElu(OfEach[Elu]):
    """s where s > 0, else α(eˢ − 1)."""

    title = "ELU"

    def f(self, s: Expression) -> Expression:
        return _above_zero(s, s, self.op.alpha * (exp(s) - 1))

    def slope(self, s: Expression) -> Expression:
        return _above_zero(s, Number(1), self.op.alpha * exp(s))


@writes(Celu)
class OfCelu(OfEach[Celu]):
    """s where s > 0, else α(e^(s/α) − 1)."""

    title = "CELU"

    def f(self, s: Expression) -> Expression:
        return _above_zero(s, s, self.op.alpha * (exp(s / self.op.alpha) - 1))

    def slope(self, s: Expression) -> Expression:
        return _above_zero(s, Number(1), exp(s / self.op.alpha))


@writes(Selu)
class OfSelu(OfEach[Selu]):
    """λs where s > 0, else λα(eˢ − 1)."""

    title = "SELU"

    def f(self, s: Expression) -> Expression:
        scale, alpha = self._constants()
        return _above_zero(s, scale * s, scale * alpha * (exp(s) - 1))

    def slope(self, s: Expression) -> Expression:
        scale, alpha = self._constants()
        return _above_zero(s, scale, scale * alpha * exp(s))

    def _constants(self) -> tuple[Expression, Expression]:
        letters = self.at.letters
        scale = Defined(letters.free(r"\lambda"), (), Number(SELU_SCALE))
        return scale, Defined(letters.free(r"\alpha"), (), Number(SELU_ALPHA))


@writes(Exp)
class OfExp(OfEach[Exp]):
    """eˢ."""

    def f(self, s: Expression) -> Expression:
        return exp(s)

    def slope(self, s: Expression) -> Expression:
        return exp(s)


@writes(Log)
class OfLog(OfEach[Log]):
    """log s."""

    def f(self, s: Expression) -> Expression:
        return log(s)

    def slope(self, s: Expression) -> Expression:
        return 1 / s


@writes(Sqrt)
class OfSqrt(OfEach[Sqrt]):
    """√s."""

    def f(self, s: Expression) -> Expression:
        return Root(s)

    def slope(self, s: Expression) -> Expression:
        return 1 / (2 * Root(s))


@writes(Square)
class OfSquare(OfEach[Square]):
    """s², and of a whole tensor the square of each entry."""

    title = "square"

    def f(self, s: Expression) -> Expression:
        return s**2

    def slope(self, s: Expression) -> Expression:
        return 2 * s


@writes(Softplus)
class OfSoftplus(OfEach[Softplus]):
    """log(1 + e^(βs))/β."""

    title = "softplus"

    def f(self, s: Expression) -> Expression:
        return log(1 + exp(self.op.beta * s)) / self.op.beta

    def slope(self, s: Expression) -> Expression:
        return sigma(self.op.beta * s)
