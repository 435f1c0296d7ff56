"""Factors multiplied. Side by side they are matrices; a ':' sums over every axis of the value between the two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.derivation.expressions import Env
from chainrule.derivation.factors import Factor, Part, Writing
from chainrule.derivation.printing import joined
from chainrule.engine.backends import Shape


@dataclass(frozen=True)
class Times(Part):
    """Two parts, of which the value between them has so many axes.

    `colon`: written with ':'. `in_order`: axes of the value between are in the same order in both, and not mirrored.
    """

    left: Part
    right: Part
    between: int
    shape: Shape
    colon: bool = False
    in_order: bool = False

    def written(self, how: Writing) -> str:
        left, right = (_bracketed(part, how, self.colon) for part in (self.left, self.right))
        return f"{left} : {right}" if self.colon else joined([left, right])

    def value(self, env: Env) -> Any:
        return self.multiply(self.left.value(env), self.right.value(env))

    def multiply(self, left: Any, right: Any) -> Any:
        """The product of what the two are."""
        ours = list(range(left.ndim - self.between, left.ndim))
        theirs = list(range(self.between))
        found = np.tensordot(left, right, axes=(ours, theirs if self.in_order else theirs[::-1]))
        return found.reshape(self.shape)

    def factors(self) -> Iterator[Factor]:
        yield from self.left.factors()
        yield from self.right.factors()

    def loose(self) -> bool:
        return self.colon


@dataclass(frozen=True)
class OuterProduct(Part):
    """A column times a row. A vector of torch's stands for a column."""

    column: Part
    row: Part
    shape: Shape

    def written(self, how: Writing) -> str:
        return joined([_bracketed(self.column, how), _bracketed(self.row, how)])

    def value(self, env: Env) -> Any:
        column = self.column.value(env)
        return (column[:, None] if column.ndim == 1 else column) @ self.row.value(env)

    def factors(self) -> Iterator[Factor]:
        yield from self.column.factors()
        yield from self.row.factors()


@dataclass(frozen=True)
class Mirrored(Part):
    """A column as a row, or a row as a column."""

    of: Part
    shape: Shape

    def written(self, how: Writing) -> str:
        return rf"\left({self.of.written(how)}\right)^{{\top}}"

    def value(self, env: Env) -> Any:
        return np.asarray(self.of.value(env)).reshape(self.shape)

    def factors(self) -> Iterator[Factor]:
        yield from self.of.factors()


def _bracketed(part: Part, how: Writing, colon: bool = False) -> str:
    written = part.written(how)
    return rf"\left({written}\right)" if part.loose() and not colon else written
