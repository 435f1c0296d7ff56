"""The namespace on NumPy: all that an autograder's container needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.backends.namespace import NUMBERS, Array, Axis, Shape
from chainrule.engine.backends.stacked import Stacked

_erf = np.frompyfunc(math.erf, 1, 1)
_add: Any = np.add.reduce
_max: Any = np.maximum.reduce
_nothing = nullcontext()

SHORT = 128
"""So many numbers NumPy adds in one block. A product with ones adds them as exactly, in a third of the time."""


class NumpyNamespace:
    """NumPy at one dtype."""

    name = "numpy"
    device = "cpu"
    number_axes = 0

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self._dtype = np.dtype(dtype)
        self.tiny = float(np.finfo(self._dtype).tiny)
        self.zero = np.zeros((), self._dtype)
        self.one = np.ones((), self._dtype)
        self._number = lru_cache(NUMBERS)(self._make_number)
        ones = np.ones(SHORT, self._dtype)
        self._ones = tuple(ones[:length] for length in range(SHORT + 1))

    def _make_number(self, value: float) -> Array:
        return np.array(value, self._dtype)

    def asarray(self, values: NDArray[Any]) -> Array:
        kind = np.int64 if values.dtype.kind in "iu" else self._dtype
        return np.ascontiguousarray(values, dtype=kind) if values.ndim else np.asarray(values, dtype=kind)

    def to_numpy(self, array: Array) -> NDArray[Any]:
        return np.asarray(array)

    @staticmethod
    def computing() -> AbstractContextManager[object]:
        return _nothing

    def zeros(self, shape: Shape) -> Array:
        return np.zeros(shape, self._dtype)

    def ones(self, shape: Shape) -> Array:
        return np.ones(shape, self._dtype)

    def eye(self, n: int) -> Array:
        return np.eye(n, dtype=self._dtype)

    ones_like = staticmethod(np.ones_like)

    exp = staticmethod(np.exp)
    log = staticmethod(np.log)
    log1p = staticmethod(np.log1p)
    expm1 = staticmethod(np.expm1)
    sqrt = staticmethod(np.sqrt)
    tanh = staticmethod(np.tanh)
    abs = staticmethod(np.abs)
    sign = staticmethod(np.sign)
    maximum = staticmethod(np.maximum)
    broadcast_to = staticmethod(np.broadcast_to)
    moveaxis = staticmethod(np.moveaxis)
    permute = staticmethod(np.transpose)

    @staticmethod
    def erf(x: Array) -> Array:
        return np.asarray(_erf(x), dtype=x.dtype)

    def step(self, x: Array) -> Array:
        return (x > self.zero).astype(x.dtype)

    def sigmoid(self, x: Array) -> Array:
        return self.one / (self.one + np.exp(-x))

    def softplus(self, x: Array) -> Array:
        return np.logaddexp(x, self.zero)

    def times(self, x: Array, number: float) -> Array:
        return x * self._number(number) if x.ndim else x * number

    def relu(self, x: Array) -> Array:
        return np.maximum(x, self.zero)

    def where_positive(self, x: Array, y: Array) -> Array:
        # A product would make 0 · ∞ of an infinite y. putmask is the quickest, and takes a mask of y's own shape alone.
        if x.shape != y.shape:
            return np.where(x > self.zero, y, self.zero)
        kept = np.array(y)
        np.putmask(kept, x <= self.zero, self.zero)
        return kept

    @staticmethod
    def clip(x: Array, low: float, high: float) -> Array:
        return np.minimum(np.maximum(x, low), high)

    @staticmethod
    def matmul(x: Array, matrix: Array) -> Array:
        return x.dot(matrix) if x.ndim == matrix.ndim == 2 else x @ matrix

    @staticmethod
    def contract(left: Array, right: Array) -> Array:
        return left.T.dot(right) if left.ndim == right.ndim == 2 else left.mT @ right

    @staticmethod
    def linear(x: Array, weight: Array, bias: Array | None) -> Array:
        product = x.dot(weight.T) if x.ndim == 2 else x @ weight.T
        return product if bias is None else np.add(product, bias, product)

    @staticmethod
    def where(mask: Array, x: Array | float, y: Array | float) -> Array:
        dtype = getattr(x, "dtype", None) or y.dtype  # type: ignore[union-attr]
        return np.where(mask, x, y).astype(dtype, copy=False)

    def as_float(self, mask: Array) -> Array:
        return mask.astype(self._dtype)

    @staticmethod
    def sum(x: Array, axis: Axis, keepdims: bool = False) -> Array:
        return _add(x, axis=axis, keepdims=keepdims)

    def sum_all(self, x: Array) -> Array:
        return self._ones[x.size].dot(x.ravel()) if x.size <= SHORT else _add(x, axis=None)

    def sum_leading(self, x: Array, axis: int) -> Array:
        # The matrix product has the smaller errors, and is quicker at every size: 3 times for 10 rows, 6 for 512.
        if x.ndim == 2 and axis == -2:
            rows = len(x)
            return (self._ones[rows] if rows <= SHORT else np.ones(rows, self._dtype)).dot(x)
        return _add(x, axis=axis)

    @staticmethod
    def max(x: Array, axis: Axis, keepdims: bool = False) -> Array:
        return _max(x, axis=axis, keepdims=keepdims)

    def logsumexp(self, x: Array, axis: Axis, keepdims: bool = False) -> Array:
        top = self.max(x, axis, keepdims=True)
        top = np.where(np.isfinite(top), top, self.zero)  # ∞ − ∞ is no number
        total = np.log(_add(np.exp(x - top), axis=axis, keepdims=True)) + top
        return total if keepdims else np.squeeze(total, axis=axis)

    def softargmax(self, x: Array, axis: int) -> Array:
        e = np.exp(x - self.max(x, axis, keepdims=True))
        return e / _add(e, axis=axis, keepdims=True)

    @staticmethod
    def concat(arrays: Sequence[Array], axis: int) -> Array:
        return np.concatenate(arrays, axis=axis)

    @staticmethod
    def contiguous(x: Array) -> Array:
        return np.ascontiguousarray(x) if x.ndim else x

    def one_hot(self, indices: Array, classes: int) -> Array:
        return (indices[..., None] == np.arange(classes)).astype(self._dtype)

    @staticmethod
    def size(x: NDArray[Any]) -> int:
        return x.size

    @staticmethod
    def examples(x: Array) -> int:
        return len(x)

    @staticmethod
    def count_nonzero(x: Array) -> int:
        return int(np.count_nonzero(x))

    @staticmethod
    def is_integer(x: Array) -> bool:
        return x.dtype.kind in "iu"


class StackedNumpyNamespace(Stacked, NumpyNamespace):
    """The same for a stack of problems."""

    def sum_all(self, x: Array) -> Array:  # type: ignore[override]
        rows = x.reshape((len(x), -1))
        return rows.dot(self._ones_of(rows.shape[1]))[:, None]

    def sum_leading(self, x: Array, axis: int) -> Array:  # type: ignore[override]
        return self._ones_of(x.shape[1])[None] @ x if x.ndim == 3 and axis == -2 else _add(x, axis=axis)[:, None]

    def _ones_of(self, length: int) -> Array:
        return self._ones[length] if length <= SHORT else np.ones(length, self._dtype)
