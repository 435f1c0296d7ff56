"""Constant vectors: numbers that an op was given as an option."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.derivation.expressions import Env, Expression
from chainrule.derivation.indexed import Defined
from chainrule.derivation.printing import number_latex

MOST_SHOWN = 12


@dataclass(frozen=True)
class Vector:
    """Numbers under a letter."""

    letter: str
    numbers: tuple[float, ...]

    def entry(self, k: Expression) -> Expression:
        """One of them."""
        return Constant(self, k)


@dataclass(frozen=True)
class Constant(Defined):
    """An entry of a vector of numbers."""

    def __init__(self, vector: Vector, k: Expression) -> None:
        object.__setattr__(self, "letter", vector.letter)
        object.__setattr__(self, "at", (k,))
        object.__setattr__(self, "body", _Numbers(vector, k))

    def tells(self) -> tuple[str, str] | None:
        return self.letter, f"{self.letter} = {self.body.latex()}"


@dataclass(frozen=True)
class _Numbers(Expression):
    vector: Vector
    k: Expression

    def latex(self) -> str:
        shown = [number_latex(number) for number in self.vector.numbers[:MOST_SHOWN]]
        more = [r"\ldots"] if len(self.vector.numbers) > MOST_SHOWN else []
        return rf"\left({', '.join([*shown, *more])}\right)"

    def value(self, env: Env) -> Any:
        numbers = np.array(self.vector.numbers, dtype=np.float64)
        return numbers[np.clip(np.asarray(self.k.value(env)), 0, len(numbers) - 1)]

    def parts(self) -> Iterator[Expression]:
        yield self.k
