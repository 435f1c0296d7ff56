"""The functions that derivative rules are written in.

Besides what is listed here a rule uses only what NumPy arrays and torch tensors have in common: the arithmetic,
comparison and `@` operators, indexing with `...`, `None` and slices, `.shape`, `.ndim`, `.mT` and `.reshape(shape)`.
Names follow the array API standard where it has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = Any
"""A NumPy array or a torch tensor of the namespace's dtype, on its device."""

Shape: TypeAlias = tuple[int, ...]
Axis: TypeAlias = int | tuple[int, ...]

NUMBERS = 256
"""So many `times` keeps."""


class Namespace(Protocol):
    """One backend at one dtype on one device. Every function is pure; none changes its arguments."""

    name: str
    dtype: str
    device: str
    tiny: float
    """The smallest positive number with all its digits."""

    number_axes: int
    """Axes of a number that all examples share, such as the loss: none, or in a stack of problems 2 (see `stacked`)."""

    zero: Array
    one: Array
    """0 and 1 of shape (): in arithmetic on small arrays they cost half of what Python's own numbers do."""

    # -- to and from the outside ------------------------------------------------------------------------------
    def asarray(self, values: NDArray[Any]) -> Array:
        """`values` on this device; floats in this dtype, integers as int64."""

    def to_numpy(self, array: Array) -> NDArray[Any]: ...

    def computing(self) -> AbstractContextManager[object]:
        """A context for all that is done with arrays, from `asarray` to `to_numpy`.

        torch keeps no record for autograd in it, so that operations on small tensors cost less; and on a GPU the arrays
        are those of the thread's own stream, so that no other thread may use them.
        """

    # -- making -----------------------------------------------------------------------------------------------
    def zeros(self, shape: Shape) -> Array: ...
    def ones(self, shape: Shape) -> Array: ...
    def eye(self, n: int) -> Array: ...
    def ones_like(self, x: Array) -> Array: ...

    # -- element by element -----------------------------------------------------------------------------------
    def exp(self, x: Array) -> Array: ...
    def log(self, x: Array) -> Array: ...
    def log1p(self, x: Array) -> Array: ...
    def expm1(self, x: Array) -> Array: ...
    def sqrt(self, x: Array) -> Array: ...
    def tanh(self, x: Array) -> Array: ...
    def erf(self, x: Array) -> Array: ...
    def abs(self, x: Array) -> Array: ...
    def sign(self, x: Array) -> Array:
        """-1, 0 or 1, in x's dtype; 0 at 0."""

    def step(self, x: Array) -> Array:
        """1 where x > 0, else 0, in x's dtype."""

    def sigmoid(self, x: Array) -> Array:
        """1 / (1 + e^-x), to full relative precision on both sides."""

    def softplus(self, x: Array) -> Array:
        """log(1 + e^x), exact everywhere."""

    def times(self, x: Array, number: float) -> Array:
        """x · number, quicker where x is small: the number as an array is kept from one call to the next."""

    def relu(self, x: Array) -> Array:
        """max(x, 0)."""

    def where_positive(self, x: Array, y: Array) -> Array:
        """y where x > 0, else 0, whatever y is there: a choice, not a product."""

    def clip(self, x: Array, low: float, high: float) -> Array: ...
    def maximum(self, x: Array, y: Array) -> Array: ...
    def matmul(self, x: Array, matrix: Array) -> Array:
        """x @ matrix, for rows x (…, k) and one matrix (k, n) for all examples."""

    def contract(self, left: Array, right: Array) -> Array:
        """leftᵀ @ right, the sum of the outer products of their rows: (…, r, k), (…, r, n) → (…, k, n)."""

    def linear(self, x: Array, weight: Array, bias: Array | None) -> Array:
        """x weightᵀ + bias: x (…, in), weight (out, in), bias (out,)."""

    def where(self, mask: Array, x: Array | float, y: Array | float) -> Array:
        """x where `mask`, else y. At least one of x, y is an array, whose dtype the result has."""

    def as_float(self, mask: Array) -> Array:
        """A mask as 0 and 1 (or integers as floats) in this dtype."""

    # -- along axes (always counted from the end, so that leading axes are free) -------------------------------
    def sum(self, x: Array, axis: Axis, keepdims: bool = False) -> Array: ...
    def sum_all(self, x: Array) -> Array:
        """The sum of every element, a number that all examples share."""

    def sum_leading(self, x: Array, axis: int) -> Array:
        """The sum over one axis: how the engine sums over the batch, the first axis but for seeds."""

    def max(self, x: Array, axis: Axis, keepdims: bool = False) -> Array: ...
    def logsumexp(self, x: Array, axis: Axis, keepdims: bool = False) -> Array: ...
    def softargmax(self, x: Array, axis: int) -> Array: ...
    def concat(self, arrays: Sequence[Array], axis: int) -> Array: ...
    def moveaxis(self, x: Array, source: int, destination: int) -> Array: ...
    def permute(self, x: Array, axes: Sequence[int]) -> Array: ...
    def broadcast_to(self, x: Array, shape: Shape) -> Array: ...
    def contiguous(self, x: Array) -> Array:
        """x laid out in row-major order, copied only where it is not."""

    def one_hot(self, indices: Array, classes: int) -> Array:
        """A new last axis of length `classes`: 1 at the index, else 0. Indices outside the range give all 0."""

    # -- questions (those about values cost a wait for the device) ---------------------------------------------
    def size(self, x: Array) -> int:
        """How many elements the whole batch has."""

    def examples(self, x: Array) -> int:
        """N: the length of the batch axis, which nothing but that of a stack precedes."""

    def count_nonzero(self, x: Array) -> int: ...
    def is_integer(self, x: Array) -> bool:
        """Whether x holds integers, by its dtype."""
