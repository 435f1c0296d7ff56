"""Functions of one number, of several, and of whole tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from chainrule.derivation.expressions import (
    ATOM,
    POWER,
    PRODUCT,
    Env,
    Expression,
    Operand,
    Power,
    as_expression,
    within,
)
from chainrule.derivation.indexed import Symbol
from chainrule.derivation.printing import bracketed, number_latex

_erf = np.vectorize(math.erf, otypes=[np.float64])

_FUNCTIONS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "log": (r"\log", np.log),
    "tanh": (r"\tanh", np.tanh),
    "sigma": (r"\sigma", lambda x: 1 / (1 + np.exp(-x))),
    "sign": (r"\operatorname{sign}", np.sign),
    "erf": (r"\operatorname{erf}", _erf),
    "Phi": (r"\Phi", lambda x: 0.5 * (1 + _erf(x / math.sqrt(2)))),
    "phi": (r"\varphi", lambda x: np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)),
}

_TOLD = {
    "Phi": r"\Phi(t) = \frac{1}{2} (1 + \operatorname{erf}(t / \sqrt{2}))",
    "phi": r"\varphi(t) = e^{-t^{2} / 2} / \sqrt{2 \pi}",
}


@dataclass(frozen=True)
class Function(Expression):
    """A named function of one number, element by element of a tensor."""

    name: str
    of: Expression
    level: ClassVar[int] = ATOM

    def latex(self) -> str:
        return self.to_the("")

    def to_the(self, power: str) -> str:
        """Printed with a power after the name, as sin² x is."""
        return f"{_FUNCTIONS[self.name][0]}{power}{bracketed(self.of.latex())}"

    def value(self, env: Env) -> Any:
        return _FUNCTIONS[self.name][1](self.of.value(env))

    def parts(self) -> Iterator[Expression]:
        yield self.of

    def tells(self) -> tuple[str, str] | None:
        return (_FUNCTIONS[self.name][0], _TOLD[self.name]) if self.name in _TOLD else None

    def __pow__(self, exponent: float) -> Expression:
        return PowerOfFunction(self, exponent)


@dataclass(frozen=True)
class PowerOfFunction(Power):
    """A power of a function, the exponent after its name."""

    base: Function

    def latex(self) -> str:
        return self.base.to_the(f"^{{{number_latex(self.exponent)}}}")


@dataclass(frozen=True)
class Exponential(Expression):
    """e to the power of something."""

    of: Expression
    level: ClassVar[int] = POWER

    def latex(self) -> str:
        return f"e^{{{self.of.latex()}}}"

    def value(self, env: Env) -> Any:
        return np.exp(self.of.value(env))

    def parts(self) -> Iterator[Expression]:
        yield self.of


@dataclass(frozen=True)
class PositivePart(Expression):
    """max(x, 0)."""

    of: Expression
    level: ClassVar[int] = POWER

    def latex(self) -> str:
        return f"{bracketed(self.of.latex())}^{{+}}"

    def value(self, env: Env) -> Any:
        return np.maximum(self.of.value(env), 0.0)

    def parts(self) -> Iterator[Expression]:
        yield self.of


@dataclass(frozen=True)
class Absolute(Expression):
    """|x|."""

    of: Expression
    level: ClassVar[int] = ATOM

    def latex(self) -> str:
        return rf"\lvert {self.of.latex()} \rvert"

    def value(self, env: Env) -> Any:
        return np.abs(self.of.value(env))

    def parts(self) -> Iterator[Expression]:
        yield self.of


@dataclass(frozen=True)
class Root(Expression):
    """√x."""

    of: Expression
    level: ClassVar[int] = ATOM

    def latex(self) -> str:
        return rf"\sqrt{{{self.of.latex()}}}"

    def value(self, env: Env) -> Any:
        return np.sqrt(self.of.value(env))

    def parts(self) -> Iterator[Expression]:
        yield self.of


@dataclass(frozen=True)
class Extreme(Expression):
    """The larger (`max`) or the smaller (`min`) of two."""

    how: str
    one: Expression
    other: Expression
    level: ClassVar[int] = ATOM

    def latex(self) -> str:
        return rf"\{self.how}{bracketed(f'{self.one.latex()}, {self.other.latex()}')}"

    def value(self, env: Env) -> Any:
        chosen = np.maximum if self.how == "max" else np.minimum
        return chosen(self.one.value(env), self.other.value(env))

    def parts(self) -> Iterator[Expression]:
        yield from (self.one, self.other)


@dataclass(frozen=True)
class Digit(Expression):
    """⌊x/step⌋, and of that the rest after division by `base` where there is one: an axis of a row-major position."""

    of: Expression
    step: int
    base: int | None
    level: ClassVar[int] = PRODUCT

    def latex(self) -> str:
        quotient = self.of.latex() if self.step == 1 else rf"\lfloor {within(self.of, PRODUCT)} / {self.step} \rfloor"
        if self.base is None:
            return quotient
        return rf"{quotient if self.step > 1 else within(self.of, PRODUCT)} \bmod {self.base}"

    def value(self, env: Env) -> Any:
        quotient = self.of.value(env) // self.step
        return quotient if self.base is None else quotient % self.base

    def parts(self) -> Iterator[Expression]:
        yield self.of


@dataclass(frozen=True)
class Transposed(Expression):
    """A matrix mirrored; of a vector, the row that the column becomes."""

    of: Expression
    level: ClassVar[int] = POWER

    def latex(self) -> str:
        if isinstance(self.of, Symbol) and self.of.sup:
            return replace(self.of, sup=rf"{self.of.sup}\top").latex()
        return rf"{within(self.of, ATOM)}^{{\top}}"

    def value(self, env: Env) -> Any:
        found = np.asarray(self.of.value(env))
        return found.T if found.ndim < 3 else np.swapaxes(found, -1, -2)

    def parts(self) -> Iterator[Expression]:
        yield self.of


@dataclass(frozen=True)
class Matmul(Expression):
    """The product of matrices, or of a matrix and a vector."""

    one: Expression
    other: Expression
    level: ClassVar[int] = PRODUCT

    def latex(self) -> str:
        return f"{within(self.one, PRODUCT)} {within(self.other, PRODUCT)}"

    def value(self, env: Env) -> Any:
        return np.asarray(self.one.value(env)) @ np.asarray(self.other.value(env))

    def parts(self) -> Iterator[Expression]:
        yield from (self.one, self.other)


@dataclass(frozen=True)
class Hadamard(Expression):
    """The product entry by entry."""

    one: Expression
    other: Expression
    level: ClassVar[int] = PRODUCT

    def latex(self) -> str:
        return rf"{within(self.one, PRODUCT)} \odot {within(self.other, PRODUCT)}"

    def value(self, env: Env) -> Any:
        return self.one.value(env) * self.other.value(env)

    def parts(self) -> Iterator[Expression]:
        yield from (self.one, self.other)


@dataclass(frozen=True)
class SquaredNorm(Expression):
    """‖x‖²."""

    of: Expression
    level: ClassVar[int] = POWER

    def latex(self) -> str:
        return rf"\lVert {self.of.latex()} \rVert^{{2}}"

    def value(self, env: Env) -> Any:
        return np.sum(np.square(self.of.value(env)))

    def parts(self) -> Iterator[Expression]:
        yield self.of


def log(x: Operand) -> Expression:
    """The natural logarithm."""
    return Function("log", as_expression(x))


def tanh(x: Operand) -> Expression:
    """The hyperbolic tangent."""
    return Function("tanh", as_expression(x))


def sigma(x: Operand) -> Expression:
    """The logistic sigmoid."""
    return Function("sigma", as_expression(x))


def sign(x: Operand) -> Expression:
    """−1, 0 or 1."""
    return Function("sign", as_expression(x))


def exp(x: Operand) -> Expression:
    """e to the power of x."""
    return Exponential(as_expression(x))
