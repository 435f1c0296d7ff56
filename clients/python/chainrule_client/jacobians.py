"""Jacobians of a reply: in the form that the service sent them, and in full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.schemas.encoding import to_array
from chainrule_client.tensors import Array


@dataclass(frozen=True, eq=False)
class Jacobian:
    """∂of/∂wrt of each example, in the form the service sent it.

    shape: the shape of `dense()`. structure: `dense`, `diagonal` or `outer`. Only the structure's own arrays are there:
    `value`; or `diagonal`; or `left` M and `right` x, for value[n, i, j, k] = M[n, i, j]·x[n, k].
    """

    shape: tuple[int, ...]
    structure: str
    value: Array | None = None
    diagonal: Array | None = None
    left: Array | None = None
    right: Array | None = None

    def dense(self) -> Array:
        """The Jacobian in full."""
        if self.value is not None:
            return self.value
        if self.diagonal is not None:
            return _dense_diagonal(self.diagonal, self.shape)
        if self.left is None or self.right is None:
            raise ValueError(f"a Jacobian of structure {self.structure!r} came without its arrays")
        return _dense_outer(self.left, self.right, self.shape)


def jacobian(sent: Mapping[str, Any]) -> Jacobian:
    """The Jacobian that a reply tells of."""
    found = {name: to_array(sent[name]) for name in ("value", "diagonal", "left", "right") if name in sent}
    return Jacobian(tuple(sent["shape"]), sent["structure"], **found)


def jacobians(sent: Mapping[str, Any]) -> dict[str, Jacobian]:
    """Jacobians by name."""
    return {name: jacobian(each) for name, each in sent.items()}


def _dense_diagonal(diagonal: Array, shape: tuple[int, ...]) -> Array:
    """(…, *s) to (…, *s, *s), with zeros off the diagonal."""
    rank = len(shape) - diagonal.ndim
    lead = diagonal.ndim - rank
    size = int(np.prod(diagonal.shape[lead:]))
    flat = diagonal.reshape((*diagonal.shape[:lead], size))
    return (flat[..., None] * np.eye(size)).reshape(shape)


def _dense_outer(left: Array, right: Array, shape: tuple[int, ...]) -> Array:
    """left (…, *of, j) and right (…, k) to (…, *of, j, k)."""
    lead = left.ndim + right.ndim - len(shape)
    between = (1,) * (left.ndim - lead)
    return left[..., None] * right.reshape((*right.shape[:lead], *between, *right.shape[lead:]))
