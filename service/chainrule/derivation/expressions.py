"""Expressions that can be printed in LaTeX and evaluated: what a derivation says is never mere text.

A notation is written as arithmetic on expressions, `1 - tanh(s) ** 2`. Ones and zeros vanish as they are put together,
so that `scale * x` is x for a scale of 1.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from chainrule.derivation.printing import bracketed, joined, number_latex

Array = NDArray[Any]

SUM, BIG, PRODUCT, POWER, ATOM = range(5)
"""How tightly an expression holds together. BIG is a sum sign, which takes in the whole product that follows it."""


@dataclass(frozen=True)
class Env:
    """Where expressions are evaluated: the values of one example by name, and the numbers that each index runs over.

    Indices are arrays that broadcast against each other; `depth` is how many axes they use, counted from the end.
    `batch` has the values of every example, for sums over all of them; `known` what was worked out before.
    """

    values: Mapping[str, Array]
    indices: Mapping[str, Array]
    depth: int = 0
    batch: Sequence[Mapping[str, Array]] = ()
    known: dict[Any, Any] = field(default_factory=dict)

    def example(self, values: Mapping[str, Array]) -> Env:
        """The same for another example."""
        return replace(self, values=values)

    def over(self, sizes: Mapping[str, int]) -> Env:
        """The same with further indices, each along an axis of its own before those in use, the first one first."""
        indices, depth = dict(self.indices), self.depth
        for name, size in reversed(list(sizes.items())):
            indices[name] = np.arange(size).reshape((size, *(1,) * depth))
            depth += 1
        return replace(self, indices=indices, depth=depth)


class Expression(ABC):
    """A number, or a tensor, that depends on named values and on indices."""

    level: ClassVar[int] = ATOM

    @abstractmethod
    def latex(self) -> str:
        """In LaTeX, as it stands inside a formula."""

    @abstractmethod
    def value(self, env: Env) -> Any:
        """Its numbers, over the axes of whatever indices it depends on."""

    def parts(self) -> Iterator[Expression]:
        """What it is made of."""
        yield from ()

    def tells(self) -> tuple[str, str] | None:
        """A letter in it that not everybody knows, and what that stands for."""
        return None

    def holds(self) -> int:
        """How tightly it holds together as it is printed."""
        return self.level

    def __add__(self, other: Operand) -> Expression:
        return add(self, other)

    def __radd__(self, other: Operand) -> Expression:
        return add(other, self)

    def __sub__(self, other: Operand) -> Expression:
        return add(self, negative(other))

    def __rsub__(self, other: Operand) -> Expression:
        return add(other, negative(self))

    def __mul__(self, other: Operand) -> Expression:
        return mul(self, other)

    def __rmul__(self, other: Operand) -> Expression:
        return mul(other, self)

    def __truediv__(self, other: Operand) -> Expression:
        return Quotient(self, as_expression(other)) if not _is(other, 1) else self

    def __rtruediv__(self, other: Operand) -> Expression:
        return Quotient(as_expression(other), self)

    def __neg__(self) -> Expression:
        return negative(self)

    def __pow__(self, exponent: float) -> Expression:
        return self if exponent == 1 else Power(self, exponent)


Operand = Expression | float


@dataclass(frozen=True)
class Number(Expression):
    """A number as it is written."""

    number: float

    def holds(self) -> int:
        return SUM if self.number < 0 else PRODUCT if "cdot" in self.latex() else ATOM

    def latex(self) -> str:
        return number_latex(self.number)

    def value(self, env: Env) -> Any:
        return self.number


@dataclass(frozen=True)
class Size(Expression):
    """A number that has a letter, as a length K, or π."""

    letter: str
    number: float

    def latex(self) -> str:
        return self.letter

    def value(self, env: Env) -> Any:
        return self.number


@dataclass(frozen=True)
class Sum(Expression):
    """Terms added up."""

    terms: tuple[Expression, ...]
    level: ClassVar[int] = SUM

    def latex(self) -> str:
        first, *others = (within(term, BIG, signed=True) for term in self.terms)
        signed = (f" - {each[1:].lstrip()}" if each.startswith("-") else f" + {each}" for each in others)
        return first + "".join(signed)

    def value(self, env: Env) -> Any:
        return sum((term.value(env) for term in self.terms[1:]), start=self.terms[0].value(env))

    def parts(self) -> Iterator[Expression]:
        yield from self.terms


@dataclass(frozen=True)
class Negative(Expression):
    """Something with the opposite sign."""

    of: Expression
    level: ClassVar[int] = SUM

    def latex(self) -> str:
        return f"-{within(self.of, BIG)}"

    def value(self, env: Env) -> Any:
        return -self.of.value(env)

    def parts(self) -> Iterator[Expression]:
        yield self.of


@dataclass(frozen=True)
class Product(Expression):
    """Factors side by side."""

    factors: tuple[Expression, ...]

    def holds(self) -> int:
        return SUM if self.latex().startswith("-") else BIG if self.factors[-1].holds() == BIG else PRODUCT

    def latex(self) -> str:
        printed: list[str] = []
        for factor in self.factors:
            last = factor is self.factors[-1]
            printed.append(within(factor, BIG if last else PRODUCT, signed=not printed))
        return joined(printed)

    def value(self, env: Env) -> Any:
        found = self.factors[0].value(env)
        for factor in self.factors[1:]:
            found = found * factor.value(env)
        return found

    def parts(self) -> Iterator[Expression]:
        yield from self.factors


@dataclass(frozen=True)
class Quotient(Expression):
    """One over another."""

    over: Expression
    under: Expression
    level: ClassVar[int] = PRODUCT

    def latex(self) -> str:
        return rf"\frac{{{self.over.latex()}}}{{{self.under.latex()}}}"

    def value(self, env: Env) -> Any:
        return np.divide(self.over.value(env), self.under.value(env))

    def parts(self) -> Iterator[Expression]:
        yield from (self.over, self.under)


@dataclass(frozen=True)
class Power(Expression):
    """A number to a power that is a number."""

    base: Expression
    exponent: float
    level: ClassVar[int] = POWER

    def latex(self) -> str:
        base = within(self.base, ATOM)
        raised = "^" in base and not base.startswith((r"\left(", "("))
        base = bracketed(base) if raised else base  # two superscripts in a row are none that LaTeX takes
        return rf"{base}^{{{number_latex(self.exponent)}}}"

    def value(self, env: Env) -> Any:
        return self.base.value(env) ** self.exponent

    def parts(self) -> Iterator[Expression]:
        yield self.base


def as_expression(operand: Operand) -> Expression:
    """A plain number as an expression."""
    return operand if isinstance(operand, Expression) else Number(operand)


def add(*terms: Operand) -> Expression:
    """The sum, without zeros, sums within it opened."""
    kept: list[Expression] = []
    for term in map(as_expression, terms):
        if not _is(term, 0):
            kept += term.terms if isinstance(term, Sum) else (term,)
    if not kept:
        return Number(0)
    return kept[0] if len(kept) == 1 else Sum(tuple(kept))


def mul(*factors: Operand) -> Expression:
    """The product: products within it opened, numbers and signs taken together in front; 0 where a factor is."""
    number: float = 1
    others: list[Expression] = []
    for factor in _opened(factors):
        if isinstance(factor, Number) and _short(number * factor.number):
            number *= factor.number
        else:
            others.append(factor)
    if number == 0:
        return Number(0)
    if abs(number) != 1:
        others = _with_number(abs(number), others)
    product = (others[0] if len(others) == 1 else Product(tuple(others))) if others else Number(1)
    return negative(product) if number < 0 else product


def _opened(factors: Iterable[Operand]) -> Iterator[Expression]:
    for factor in map(as_expression, factors):
        if isinstance(factor, Product):
            yield from factor.factors
        elif isinstance(factor, Negative):
            yield Number(-1)
            yield from _opened([factor.of])
        else:
            yield factor


def _with_number(number: float, factors: list[Expression]) -> list[Expression]:
    """The factors times a number: within a fraction of a number where there is one, else in front."""
    for position, factor in enumerate(factors):
        if isinstance(factor, Quotient) and isinstance(factor.over, Number) and _short(number * factor.over.number):
            within_it = Quotient(Number(number * factor.over.number), factor.under)
            return [*factors[:position], within_it, *factors[position + 1 :]]
    return [Number(number), *factors]


def _short(number: float) -> bool:
    """Whether a product of numbers is as short as one would write it, and not 0.30000000000000004."""
    return len(repr(float(number))) <= 8


def negative(operand: Operand) -> Expression:
    """The opposite."""
    expression = as_expression(operand)
    if isinstance(expression, Negative):
        return expression.of
    return Number(-expression.number) if isinstance(expression, Number) else Negative(expression)


def within(expression: Expression, least: int, *, signed: bool = False) -> str:
    """Printed where it has to hold together at least so tightly: in parentheses where it does not.

    With `signed` a sign in front needs none, as in the first of several factors.
    """
    printed = expression.latex()
    loose = expression.holds() < least
    if signed and printed.startswith("-") and isinstance(expression, Negative | Number | Product):
        loose = False
    return bracketed(printed) if loose else printed


def _is(operand: Operand, number: float) -> bool:
    return operand == number if not isinstance(operand, Expression) else operand == Number(number)
