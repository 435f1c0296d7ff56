"""Entries of tensors, and what runs over their indices: sums, maxima, deltas, cases.

Indices count from 0, as everywhere in this service.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from chainrule.derivation.expressions import (
    ATOM,
    BIG,
    Env,
    Expression,
    Negative,
    Number,
    Operand,
    Size,
    as_expression,
    mul,
    negative,
    within,
)


@dataclass(frozen=True)
class Symbol(Expression):
    """A value by name, as a whole. Its indices go below: after `sub`, where it has one already."""

    name: str
    letter: str
    sub: str = ""
    sup: str = ""

    def latex(self) -> str:
        return self._with(self.sub)

    def with_indices(self, indices: str) -> str:
        """An entry of it."""
        return self._with(f"{self.sub},{indices}" if self.sub and indices else self.sub or indices)

    def value(self, env: Env) -> Any:
        return env.values[self.name]

    def _with(self, below: str) -> str:
        above = f"^{{{self.sup}}}" if self.sup else ""
        return self.letter + (f"_{{{below}}}" if below else "") + above


@dataclass(frozen=True)
class Index(Expression):
    """Runs from 0 to size − 1."""

    letter: str
    size: int

    def latex(self) -> str:
        return self.letter

    def value(self, env: Env) -> Any:
        return env.indices[self.letter]


@dataclass(frozen=True)
class Entry(Expression):
    """One number of a tensor. Where an index leads outside it is not looked at, as in a case that is not taken."""

    of: Symbol
    at: tuple[Expression, ...]

    def latex(self) -> str:
        return self.of.with_indices(indices_latex(self.at))

    def value(self, env: Env) -> Any:
        held = np.asarray(env.values[self.of.name])
        if not self.at:
            return held
        at = (np.asarray(index.value(env)) for index in self.at)
        return held[tuple(np.clip(each, 0, size - 1) for each, size in zip(at, held.shape, strict=True))]

    def parts(self) -> Iterator[Expression]:
        yield from self.at


def indices_latex(indices: Sequence[Expression]) -> str:
    """Side by side where each is one letter or digit, else with commas between."""
    printed = [index.latex() for index in indices]
    short = all(len(each.lstrip("\\")) == 1 or each == r"\ell" for each in printed)
    return "".join(printed) if short and r"\ell" not in printed[:-1] else ",".join(printed)


@dataclass(frozen=True)
class Delta(Expression):
    """Kronecker's: 1 where two indices are the same, else 0."""

    one: Expression
    other: Expression

    def latex(self) -> str:
        return rf"\delta_{{{indices_latex((self.one, self.other))}}}"

    def value(self, env: Env) -> Any:
        return np.asarray(np.equal(self.one.value(env), self.other.value(env)), dtype=np.float64)

    def parts(self) -> Iterator[Expression]:
        yield from (self.one, self.other)


@dataclass(frozen=True)
class Over(Expression):
    """The body gone over with indices: `sum` or `max`."""

    how: str
    indices: tuple[Index, ...]
    body: Expression
    level: ClassVar[int] = BIG

    def latex(self) -> str:
        sign = rf"\{self.how}_{{{indices_latex(self.indices)}}}"
        return f"{sign} {within(self.body, BIG)}"

    def value(self, env: Env) -> Any:
        inner = env.over({index.letter: index.size for index in self.indices})
        gone_over = np.asarray(self.body.value(inner), dtype=np.float64)
        full = gone_over.reshape((1,) * (inner.depth - gone_over.ndim) + gone_over.shape)
        sizes = tuple(index.size for index in self.indices)
        full = np.broadcast_to(full, (*sizes, *full.shape[len(sizes) :]))
        reduce = np.sum if self.how == "sum" else np.max
        return reduce(full, axis=tuple(range(len(sizes))))

    def parts(self) -> Iterator[Expression]:
        yield self.body


@dataclass(frozen=True)
class OverBatch(Expression):
    """The sum of what a body is for each example of the batch."""

    letter: str
    count: Size
    body: Expression
    level: ClassVar[int] = BIG

    def latex(self) -> str:
        return self.around(self.body.latex())

    def around(self, body: str) -> str:
        """A body, already printed, summed over the examples."""
        return rf"\sum_{{{self.letter}=1}}^{{{self.count.latex()}}} \left({body}\right)_{{{self.letter}}}"

    def value(self, env: Env) -> Any:
        return sum(self.body.value(env.example(values)) for values in env.batch)

    def parts(self) -> Iterator[Expression]:
        yield self.body


@dataclass(frozen=True)
class Defined(Expression):
    """Something with a name of its own, whose meaning is told beside the formula."""

    letter: str
    at: tuple[Expression, ...]
    body: Expression
    level: ClassVar[int] = ATOM

    def latex(self) -> str:
        return f"{self.letter}_{{{indices_latex(self.at)}}}" if self.at else self.letter

    def tells(self) -> tuple[str, str] | None:
        return self.letter, f"{self.latex()} = {self.body.latex()}"

    def value(self, env: Env) -> Any:
        return self.body.value(env)

    def parts(self) -> Iterator[Expression]:
        yield self.body


def definitions(expression: Expression) -> list[str]:
    """What stands for what in an expression, each letter told once, those that others need after them."""
    found: dict[str, str] = {}

    def visit(part: Expression) -> None:
        if (told := part.tells()) is not None:
            found.setdefault(*told)
        for inner in part.parts():
            visit(inner)

    visit(expression)
    return list(found.values())


def deltas(ones: Sequence[Operand], others: Sequence[Operand]) -> Expression:
    """The product of deltas, pair by pair."""
    return mul(*(Delta(as_expression(a), as_expression(b)) for a, b in zip(ones, others, strict=True)))


def entry(of: Symbol, at: Sequence[Expression]) -> Entry:
    """One number of a tensor."""
    return Entry(of, tuple(at))


def summed(indices: Sequence[Index], body: Expression) -> Expression:
    """The sum over indices, if there are any, the sign of what is summed before it."""
    if not indices or body == Number(0):
        return body
    if isinstance(body, Negative):
        return negative(summed(indices, body.of))
    return Over("sum", tuple(indices), body)
