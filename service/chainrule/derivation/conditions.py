"""What holds or does not: relations, indicators, and cases that go by them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from chainrule.derivation.expressions import SUM, Env, Expression, Operand, as_expression

COMPARISONS = {
    "=": ("=", np.equal),
    "!=": (r"\neq", np.not_equal),
    "<": ("<", np.less),
    ">": (">", np.greater),
    "<=": (r"\leq", np.less_equal),
}


@dataclass(frozen=True)
class Relation(Expression):
    """Whether it holds: 1 or 0."""

    left: Expression
    how: str
    right: Expression
    level: ClassVar[int] = SUM

    def latex(self) -> str:
        return f"{self.left.latex()} {COMPARISONS[self.how][0]} {self.right.latex()}"

    def value(self, env: Env) -> Any:
        return np.asarray(COMPARISONS[self.how][1](self.left.value(env), self.right.value(env)), dtype=np.float64)

    def parts(self) -> Iterator[Expression]:
        yield from (self.left, self.right)


@dataclass(frozen=True)
class Between(Expression):
    """low < x < high."""

    low: Expression
    x: Expression
    high: Expression
    level: ClassVar[int] = SUM

    def latex(self) -> str:
        return f"{self.low.latex()} < {self.x.latex()} < {self.high.latex()}"

    def value(self, env: Env) -> Any:
        low, x, high = self.low.value(env), self.x.value(env), self.high.value(env)
        return np.asarray((low < x) & (x < high), dtype=np.float64)

    def parts(self) -> Iterator[Expression]:
        yield from (self.low, self.x, self.high)


@dataclass(frozen=True)
class Indicator(Expression):
    """1 where a condition holds, else 0."""

    condition: Expression

    def latex(self) -> str:
        return rf"\mathbf{{1}}[{self.condition.latex()}]"

    def value(self, env: Env) -> Any:
        return self.condition.value(env)

    def parts(self) -> Iterator[Expression]:
        yield self.condition


@dataclass(frozen=True)
class Cases(Expression):
    """The first whose condition holds, or else the last."""

    cases: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression

    def latex(self) -> str:
        rows = [rf"{value.latex()} & \text{{where }} {condition.latex()}" for value, condition in self.cases]
        rows.append(rf"{self.otherwise.latex()} & \text{{else}}")
        return r"\begin{cases} " + r" \\ ".join(rows) + r" \end{cases}"

    def value(self, env: Env) -> Any:
        found = self.otherwise.value(env)
        for value, condition in reversed(self.cases):
            found = np.where(condition.value(env) == 1, value.value(env), found)
        return found

    def parts(self) -> Iterator[Expression]:
        for value, condition in self.cases:
            yield from (value, condition)
        yield self.otherwise


def where(left: Operand, how: str, right: Operand) -> Indicator:
    """1 where left and right are so related, else 0."""
    return Indicator(Relation(as_expression(left), how, as_expression(right)))
