"""Exponentials, powers and logarithms, element by element."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from chainrule.engine.backends import Array, Namespace
from chainrule.engine.errors import DomainError
from chainrule.engine.op import Elementwise, Sample, option
from chainrule.engine.registry import register


def exponential_linear(xp: Namespace, x: Array, alpha: float) -> Array:
    """s where s > 0, else α(eˢ − 1)."""
    return xp.where(x > 0, x, alpha * xp.expm1(xp.clip(x, -inf, 0.0)))


def exponential_linear_derivative(xp: Namespace, x: Array, alpha: float) -> Array:
    """1 where s > 0, else αeˢ."""
    return xp.where(x > 0, xp.ones_like(x), alpha * xp.exp(xp.clip(x, -inf, 0.0)))


@register
@dataclass(frozen=True)
class Elu(Elementwise):
    """f(s) = s where s > 0, else α(eˢ − 1); f'(s) = 1 where s > 0, else αeˢ (Clevert et al., 2016)."""

    name = "elu"
    quiet = "saturated"
    formula = "s where s > 0, else α(eˢ − 1)"
    derivative_formula = "1 where s > 0, else α eˢ"
    at_kink = "α at 0; smooth where α = 1"
    samples = (Sample(((4,),)), Sample(((2, 3),), {"alpha": 0.5}))

    alpha: float = option(1.0, "how far below 0 it goes")

    def f(self, xp: Namespace, x: Array) -> Array:
        return exponential_linear(xp, x, self.alpha)

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return exponential_linear_derivative(xp, x, self.alpha)

    def kink(self, xp: Namespace, x: Array) -> Array | None:
        return None if self.alpha == 1 else x == 0

    def steepest(self) -> float:
        return max(1.0, abs(self.alpha))


@register
@dataclass(frozen=True)
class Celu(Elementwise):
    """f(s) = max(s, 0) + min(0, α(e^(s/α) − 1)); f'(s) = 1 where s > 0, else e^(s/α): smooth at 0 (Barron, 2017)."""

    name = "celu"
    quiet = "saturated"
    formula = "s where s > 0, else α(e^(s/α) − 1)"
    derivative_formula = "1 where s > 0, else e^(s/α)"
    samples = (Sample(((4,),)), Sample(((2, 3),), {"alpha": 0.5}))

    alpha: float = option(1.0, "how far below 0 it goes", above=0)

    def f(self, xp: Namespace, x: Array) -> Array:
        return xp.where(x > 0, x, self.alpha * xp.expm1(xp.clip(x, -inf, 0.0) / self.alpha))

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return xp.exp(xp.clip(x, -inf, 0.0) / self.alpha)


@register
@dataclass(frozen=True)
class Selu(Elementwise):
    """f(s) = λs where s > 0, else λα(eˢ − 1), λ and α such that unit variance is kept (Klambauer et al., 2017)."""

    name = "selu"
    quiet = "saturated"
    formula = "λ s where s > 0, else λ α(eˢ − 1); λ ≈ 1.0507, α ≈ 1.6733"
    derivative_formula = "λ where s > 0, else λ α eˢ"
    at_kink = "λα ≈ 1.7581 at 0"
    samples = (Sample(((4,),)), Sample(((2, 3),)))

    def f(self, xp: Namespace, x: Array) -> Array:
        return SELU_SCALE * exponential_linear(xp, x, SELU_ALPHA)

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return SELU_SCALE * exponential_linear_derivative(xp, x, SELU_ALPHA)

    def kink(self, xp: Namespace, x: Array) -> Array | None:
        return x == 0

    def steepest(self) -> float:
        return SELU_SCALE * SELU_ALPHA


SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


@register
@dataclass(frozen=True)
class Exp(Elementwise):
    """f(s) = eˢ; f'(s) = eˢ, from the output."""

    name = "exp"
    formula = "eˢ"
    derivative_formula = "eˢ"
    samples = (Sample(((4,),)), Sample(((2, 3),)))

    def f(self, xp: Namespace, x: Array) -> Array:
        return xp.exp(x)

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return y


@register
@dataclass(frozen=True)
class Log(Elementwise):
    """f(s) = log s; f'(s) = 1/s. −Infinity at 0; a negative s raises DomainError."""

    name = "log"
    formula = "log s"
    derivative_formula = "1 / s"
    samples = (Sample(((4,),), low=0.1), Sample(((2, 3),), low=0.1))

    def f(self, xp: Namespace, x: Array) -> Array:
        refuse_negative(xp, self.name, x)
        return xp.log(x)

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return 1 / xp.abs(x)  # of −0 it is Infinity too


@register
@dataclass(frozen=True)
class Sqrt(Elementwise):
    """f(s) = √s; f'(s) = 1/(2√s), from the output: Infinity at 0. A negative s raises DomainError."""

    name = "sqrt"
    formula = "√s"
    derivative_formula = "1 / (2√s)"
    at_kink = "Infinity at 0"
    samples = (Sample(((4,),), low=0.1), Sample(((2, 3),), low=0.1))

    def f(self, xp: Namespace, x: Array) -> Array:
        refuse_negative(xp, self.name, x)
        return xp.sqrt(x)

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return 0.5 / xp.abs(y)  # the root of −0 is −0

    def kink(self, xp: Namespace, x: Array) -> Array | None:
        return x == 0


@register
@dataclass(frozen=True)
class Square(Elementwise):
    """f(s) = s²; f'(s) = 2s."""

    name = "square"
    formula = "s²"
    derivative_formula = "2s"
    samples = (Sample(((4,),)), Sample(((2, 3),)))

    def f(self, xp: Namespace, x: Array) -> Array:
        return x * x

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return 2 * x


@register
@dataclass(frozen=True)
class Softplus(Elementwise):
    """f(s) = log(1 + e^(βs)) / β; f'(s) = σ(βs). Exact everywhere: it does not turn linear for large s."""

    name = "softplus"
    quiet = "inactive"
    formula = "log(1 + e^(βs)) / β"
    derivative_formula = "σ(βs)"
    samples = (Sample(((4,),)), Sample(((2, 3),), {"beta": 2.5}))

    beta: float = option(1.0, "the sharpness β: the larger, the nearer to max(s, 0)", above=0)

    def f(self, xp: Namespace, x: Array) -> Array:
        return xp.softplus(x) if self.beta == 1 else xp.softplus(self.beta * x) / self.beta

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return xp.sigmoid(x if self.beta == 1 else self.beta * x)


def refuse_negative(xp: Namespace, op: str, x: Array) -> None:
    """Raises DomainError where an element is below 0."""
    if below := xp.count_nonzero(x < 0):
        raise DomainError(f"{below} of the values that {op} takes are negative; it wants numbers of at least 0")
