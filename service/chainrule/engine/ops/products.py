"""The matrix product."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Self

from chainrule.engine.axes import aligned, broadcast_shape, sum_examples
from chainrule.engine.backends import Array, Namespace, Shape
from chainrule.engine.op import Contribution, Op, Point, Sample, Saved, Tangents, Wanted, wants
from chainrule.engine.registry import register
from chainrule.engine.structure import Outer


@register
@dataclass(frozen=True)
class Matmul(Op):
    """Y = A B on the last two axes: A (…, k, n), B (…, n, m), Y (…, k, m); axes of an example before them broadcast.

    ∂C/∂A = ∂C/∂Y Bᵀ, ∂C/∂B = Aᵀ ∂C/∂Y. A vector stands for one row as A and for one column as B: matrix · vector and
    vector · matrix are vectors, vector · vector is a number.
    """

    name = "matmul"
    family = "linear"
    operands = ("a", "b")
    formula = "A B"
    derivative_formula = "∂C/∂A = ∂C/∂Y Bᵀ, ∂C/∂B = Aᵀ ∂C/∂Y"
    samples = (
        Sample(((2, 3), (3, 4))),
        Sample(((2, 3), (3,))),
        Sample(((3,), (3, 4))),
        Sample(((3,), (3,))),
        Sample(((2, 4, 3), (3, 2))),
        Sample(((4, 3), (2, 3, 2))),
        Sample(((2, 1, 4, 3), (5, 3, 2))),
        Sample(((3,), (2, 3, 4))),
        Sample(((2, 4, 3), (3,))),
    )

    a: Shape = ()
    """Of one example of A."""
    b: Shape = ()
    """Of one example of B."""

    def shape(self, *shapes: Shape) -> Shape:
        a, b = shapes
        for operand, shape in (("a", a), ("b", b)):
            if not shape:
                raise wants("matmul", operand, shape, "at least one axis", 'write "mul" to multiply by a number')
        if a[-1] != _contracted(b):
            raise wants("matmul", "b", b, _expected(a, b), _advice(a, b))
        outer = broadcast_shape(a[:-2], b[:-2])
        if outer is None:
            wanted = f"axes before the last two that broadcast with {list(a[:-2])}, those of a"
            raise wants("matmul", "b", b, wanted, "the batch axis is not counted")
        return (*outer, *a[-2:-1], *(b[-1:] if len(b) > 1 else ()))

    def bind(self, *shapes: Shape) -> Self:
        return replace(self, a=shapes[0], b=shapes[1])

    def forward(self, xp: Namespace, *inputs: Array) -> tuple[Array, Saved]:
        return self._product(*inputs), None

    def vjp(self, xp: Namespace, cotangent: Array, at: Point, wanted: Wanted) -> tuple[Contribution, ...]:
        a, b = at.inputs
        return (
            self._into_a(xp, cotangent, b) if wanted[0] else None,
            self._into_b(xp, cotangent, a) if wanted[1] else None,
        )

    def jvp(self, xp: Namespace, tangents: Tangents, at: Point) -> Array:
        (a, b), (of_a, of_b) = at.inputs, tangents
        if of_a is None:
            return self._product(a, of_b)
        change = self._product(of_a, b)
        return change if of_b is None else change + self._product(a, of_b)

    def flops(self, *shapes: Shape) -> int:
        return 2 * prod(self.shape(*shapes)) * shapes[0][-1]

    def _product(self, a: Array, b: Array) -> Array:
        return _product(a, len(self.a), b, len(self.b))

    def _into_a(self, xp: Namespace, cotangent: Array, b: Array) -> Contribution:
        """∂C/∂Y Bᵀ; an outer product not yet formed where A and B are no stacks of matrices."""
        match len(self.a), len(self.b):
            case 2, 1:
                return Outer(cotangent, b)
            case 2, 2:
                return Outer(cotangent.mT, b.mT, tokens=True)
            case 1, 2:
                return _product(b, 2, cotangent, 1)
        outer, given = self._matrices(cotangent)
        into = given @ _columns(b, len(self.b), len(outer) + 2).mT
        return sum_examples(xp, into, (*outer, *into.shape[-2:]), self.a)

    def _into_b(self, xp: Namespace, cotangent: Array, a: Array) -> Contribution:
        """Aᵀ ∂C/∂Y; an outer product not yet formed where A and B are no stacks of matrices."""
        match len(self.a), len(self.b):
            case 1, 2:
                return Outer(cotangent, a, transposed=True)
            case 2, 2:
                return Outer(cotangent, a, tokens=True, transposed=True)
            case 2, 1:
                return _product(a.mT, 2, cotangent, 1)
        outer, given = self._matrices(cotangent)
        into = _rows(a, len(self.a), len(outer) + 2).mT @ given
        if len(self.b) == 1:
            return sum_examples(xp, into[..., 0], (*outer, *self.b), self.b)
        return sum_examples(xp, into, (*outer, *into.shape[-2:]), self.b)

    def _matrices(self, cotangent: Array) -> tuple[Shape, Array]:
        """The axes before the last two of A B, and the cotangent with the row or column that a vector left out."""
        outer = broadcast_shape(self.a[:-2], self.b[:-2])
        assert outer is not None
        if len(self.b) == 1:
            cotangent = cotangent[..., None]
        return outer, cotangent[..., None, :] if len(self.a) == 1 else cotangent


def _product(a: Array, a_rank: int, b: Array, b_rank: int) -> Array:
    """A B of examples of these ranks."""
    if b_rank == 1 and a_rank == a.ndim == 2:
        return b @ a.mT  # one product for the whole batch, where A has no leading axes
    if a_rank == 1 and b_rank == b.ndim == 2:
        return a @ b
    rank = max(a_rank, b_rank, 2)
    product = _rows(a, a_rank, rank) @ _columns(b, b_rank, rank)
    if a_rank == 1:
        product = product[..., 0, :]
    return product[..., 0] if b_rank == 1 else product


def _rows(a: Array, rank: int, to: int) -> Array:
    """A as matrices of rank `to`, a vector as one row."""
    return aligned(a[..., None, :], 2, to) if rank == 1 else aligned(a, rank, to)


def _columns(b: Array, rank: int, to: int) -> Array:
    """B as matrices of rank `to`, a vector as one column."""
    return aligned(b[..., :, None], 2, to) if rank == 1 else aligned(b, rank, to)


def _contracted(b: Shape) -> int:
    """The length of B's axis that meets the last of A."""
    return b[-1] if len(b) == 1 else b[-2]


def _expected(a: Shape, b: Shape) -> str:
    axes = f"[{a[-1]}]" if len(b) == 1 else f"[…, {a[-1]}, m]"
    return f"{axes}, a having shape {list(a)}"


def _advice(a: Shape, b: Shape) -> str:
    if len(b) > 1 and b[-1] == a[-1]:
        return "transpose b" + (", or swap a and b" if len(a) == 1 else "")
    if len(a) > 1 and a[-2] == _contracted(b):
        return "transpose a" + (", or swap a and b" if len(b) == 1 else "")
    return "swap a and b" if b[-1] == _contracted(a) else ""
