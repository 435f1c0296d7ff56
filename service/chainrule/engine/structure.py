"""Jacobians and cotangents that keep their structure.

Shapes: V is the seeds' axis (one a component of what is differentiated), N the batch. Either may be absent or 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any, NamedTuple, TypeVar, cast

from chainrule.engine.backends import Array, Namespace

Record = TypeVar("Record", bound=NamedTuple)


def quick(record: type[Record]) -> Callable[[tuple[Any, ...]], Record]:
    """What makes a NamedTuple of all its fields in half the time: `Record(…)` is a function in Python, this is in C."""
    return cast("Callable[[tuple[Any, ...]], Record]", partial(tuple.__new__, record))


class Outer(NamedTuple):
    """A weight's cotangent before it is summed: for each example, the outer product of `left` and `right`.

    left: (…, N, k), what came down the chain; right: (N, n), what the weight was multiplied with.
    With `tokens`, both have one more axis before the last, over which the product is summed: (…, N, T, k), (N, T, n).
    With `transposed` the value is (n, k) instead of (k, n).
    """

    left: Array
    right: Array
    tokens: bool = False
    transposed: bool = False

    def sum(self, xp: Namespace) -> Array:
        """The gradient, summed over the batch: (…, k, n)."""
        left, right, tokens, transposed = self
        if tokens:
            left = left.reshape((*left.shape[:-3], -1, left.shape[-1]))
            right = right.reshape((*right.shape[:-3], -1, right.shape[-1]))
        return xp.contract(right, left) if transposed else xp.contract(left, right)

    def each(self) -> Array:
        """The contributions of the examples, not summed: (…, N, k, n)."""
        left, right = self.left, self.right
        if self.tokens:
            return right.mT @ left if self.transposed else left.mT @ right
        if self.transposed:
            return right[..., :, None] * left[..., None, :]
        return left[..., :, None] * right[..., None, :]

    def sqnorm(self, xp: Namespace) -> Array:
        """The squared Frobenius norm of each example's contribution, never formed: ‖left‖²·‖right‖². (…, N)."""
        if self.tokens:
            gram = (self.left @ self.left.mT) * (self.right @ self.right.mT)
            return xp.sum(gram, (-2, -1))
        return xp.sum(self.left * self.left, -1) * xp.sum(self.right * self.right, -1)


outer = quick(Outer)


@dataclass(frozen=True, slots=True)
class Diagonal:
    """∂y/∂x where yᵢ depends on xᵢ alone, y and x of one shape. `diagonal`: (N, *shape)."""

    diagonal: Array

    def seeds(self, xp: Namespace, shape: tuple[int, ...]) -> Array:
        """The same as one cotangent a component of y: (V, N, *shape), V = the number of components."""
        size = prod(shape)
        lead = self.diagonal.shape[: self.diagonal.ndim - len(shape)]
        own = (xp.eye(size) == 1).reshape((size, *(1,) * len(lead), *shape))
        return xp.where(own, self.diagonal, 0.0)


@dataclass(frozen=True, slots=True)
class Dense:
    """∂y/∂x in full: (N, *shape of y, *shape of x)."""

    value: Array


@dataclass(frozen=True, slots=True)
class OuterJacobian:
    """∂y/∂W with value[n, *i, j, k] = left[n, *i, j] · right[n, k]. left: (N, *shape of y, k), right: (N, n)."""

    left: Array
    right: Array

    def dense(self) -> Array:
        """(N, *shape of y, k, n), contiguous."""
        gap = self.left.ndim - self.right.ndim
        right = self.right.reshape((*self.right.shape[:-1], *(1,) * (gap + 1), self.right.shape[-1]))
        return self.left[..., None] * right


Jacobian = Diagonal | OuterJacobian | Dense
