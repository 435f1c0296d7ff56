"""What stands in a chain: Jacobians, matrices and vectors, each with its shape, printed and evaluated."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.derivation.expressions import Env, Expression
from chainrule.derivation.functions import Transposed
from chainrule.derivation.indexed import Symbol
from chainrule.derivation.layouts import jacobian_shape, laid_out
from chainrule.derivation.subject import Edge
from chainrule.engine.backends import Shape
from chainrule.engine.layouts import Layout

if TYPE_CHECKING:
    from chainrule.derivation.chain import Gradient


Writing = Callable[["Factor"], str]


class Part(ABC):
    """A factor, or factors multiplied."""

    shape: Shape

    @abstractmethod
    def written(self, how: Writing) -> str:
        """As it stands in a chain, each factor written as `how` says."""

    def latex(self) -> str:
        """As it stands in a chain, in symbols."""
        return self.written(lambda factor: factor.latex())

    @abstractmethod
    def value(self, env: Env) -> Any:
        """Its numbers for one example, in its shape."""

    @abstractmethod
    def factors(self) -> Iterator[Factor]:
        """The factors in it, from left to right."""

    def loose(self) -> bool:
        """Whether it has a ':' at its outermost, and needs parentheses between others."""
        return False


class Factor(Part):
    """One of those that a chain is made of."""

    @abstractmethod
    def latex(self) -> str:
        """In symbols."""

    def written(self, how: Writing) -> str:
        return how(self)

    def factors(self) -> Iterator[Factor]:
        yield self

    @property
    def origin(self) -> Edge | None:
        """The edge whose Jacobian it is, where it is one's."""
        return None


@dataclass(frozen=True)
class JacobianFactor(Factor):
    """∂y/∂x, or mirrored."""

    edge: Edge
    layout: Layout
    mirrored: bool = False

    @property
    def shape(self) -> Shape:  # type: ignore[override]
        shape = jacobian_shape(self.edge.of, self.edge.wrt, self.layout)
        return self._mirror(shape) if self.mirrored else shape

    def latex(self) -> str:
        return rf"\left({self.edge.fraction}\right)^{{\top}}" if self.mirrored else self.edge.fraction

    def value(self, env: Env) -> Any:
        return self.laid(self.edge.value(env))

    def laid(self, jacobian: Any) -> Any:
        """A Jacobian in torch's axis order as it stands here."""
        found = laid_out(np.asarray(jacobian), self.edge.of, self.edge.wrt, self.layout)
        return found.T.reshape(self.shape) if self.mirrored else found

    @property
    def origin(self) -> Edge | None:
        return self.edge

    @staticmethod
    def _mirror(shape: Shape) -> Shape:
        return (1, *shape) if len(shape) == 1 else shape[::-1]


@dataclass(frozen=True)
class MatrixFactor(Factor):
    """A Jacobian that is a matrix with a name of its own: W, or Wᵀ where that is what stands here."""

    edge: Edge
    mirrored: bool

    @property
    def shape(self) -> Shape:  # type: ignore[override]
        shape = (*self.edge.of, *self.edge.wrt)
        return shape[::-1] if self.mirrored else shape

    @property
    def matrix(self) -> Expression:
        """As it stands here."""
        matrix = self.edge.matrix
        assert matrix is not None
        if not self.mirrored:
            return matrix
        return matrix.of if isinstance(matrix, Transposed) else Transposed(matrix)

    def latex(self) -> str:
        return self.matrix.latex()

    def value(self, env: Env) -> Any:
        return np.asarray(self.matrix.value(env))

    def laid(self, jacobian: Any) -> Any:
        """A Jacobian in torch's axis order as it stands here."""
        return np.asarray(jacobian).T if self.mirrored else np.asarray(jacobian)

    @property
    def origin(self) -> Edge | None:
        return self.edge


@dataclass(frozen=True)
class VectorFactor(Factor):
    """x as a column, or with `row` as a row."""

    x: Symbol
    length: int
    row: bool

    @property
    def shape(self) -> Shape:  # type: ignore[override]
        return (1, self.length) if self.row else (self.length, 1)

    def latex(self) -> str:
        return Transposed(self.x).latex() if self.row else self.x.latex()

    def value(self, env: Env) -> Any:
        return self.laid(self.x.value(env))

    def laid(self, x: Any) -> Any:
        """The vector as it stands here."""
        return np.asarray(x).reshape(self.shape)


@dataclass(frozen=True)
class IdentityFactor(Factor):
    """What is left of a chain in which every factor passes on what reaches it: 1, or I."""

    of: Shape
    layout: Layout

    @property
    def shape(self) -> Shape:  # type: ignore[override]
        return jacobian_shape(self.of, self.of, self.layout)

    def latex(self) -> str:
        return "I" if self.of else "1"

    def value(self, env: Env) -> Any:
        size = prod(self.of)
        return laid_out(np.eye(size).reshape((*self.of, *self.of)), self.of, self.of, self.layout)


@dataclass(frozen=True)
class CotangentFactor(Factor):
    """∂C/∂v, which has an equation of its own."""

    left: str
    gradient: Gradient

    @property
    def shape(self) -> Shape:  # type: ignore[override]
        return self.gradient.shape

    def latex(self) -> str:
        return self.left

    def value(self, env: Env) -> Any:
        key = (self.gradient.slot, id(env.values))
        if key not in env.known:
            env.known[key] = self.gradient.value(env)
        return env.known[key]
