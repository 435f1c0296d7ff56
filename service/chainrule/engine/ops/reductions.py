"""Sums and means over axes of one example."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Self

from chainrule.engine.axes import axis_from_end, lead
from chainrule.engine.backends import Array, Namespace, Shape
from chainrule.engine.op import Op, Sample, option, wants
from chainrule.engine.ops.linear_map import LinearMap
from chainrule.engine.registry import register

_SAMPLES = (
    Sample(((3,),)),
    Sample(((2, 3, 4),), {"axes": (0, -1)}),
    Sample(((2, 3, 4),), {"axes": (1,), "keepdims": True}),
    Sample(((2, 3),), {"keepdims": True}),
    Sample(((),)),
)


@dataclass(frozen=True)
class OverAxes(Op):
    """An op that goes over axes of one example, and leaves one number for each place along the others."""

    family = "reduction"

    axes: tuple[int, ...] | None = option(None, "axes of one example, the batch axis not counted; null for all of them")
    keepdims: bool = option(False, "keep the axes, with length 1")
    operand: Shape = ()
    """The shape of one example of x."""

    def shape(self, *shapes: Shape) -> Shape:
        axes, rank = self._from_end(shapes[0]), len(shapes[0])
        kept = [1 if i - rank in axes else length for i, length in enumerate(shapes[0])]
        return tuple(length for i, length in enumerate(kept) if self.keepdims or i - rank not in axes)

    def bind(self, *shapes: Shape) -> Self:
        return replace(self, operand=shapes[0], axes=self._from_end(shapes[0]))

    def flops(self, *shapes: Shape) -> int:
        return prod(shapes[0])

    def total(self, xp: Namespace, x: Array) -> Array:
        """The sum over the axes, in the output's shape."""
        return xp.sum(x, self.axes, self.keepdims) if self.axes else x

    def put_back(self, reduced: Array) -> Array:
        """An array of the output's shape with the axes gone over put back, each of length 1."""
        rank, axes = len(self.operand), self.axes or ()
        kept = tuple(1 if i - rank in axes else length for i, length in enumerate(self.operand))
        return reduced.reshape((*lead(reduced, rank if self.keepdims else rank - len(axes)), *kept))

    def _from_end(self, shape: Shape) -> tuple[int, ...]:
        """The axes counted from the end. Raises ShapeError for one that is not there, or there twice."""
        if self.axes is None:
            return tuple(range(-len(shape), 0))
        axes = tuple(axis_from_end(self.name, axis, shape) for axis in self.axes)
        if len(set(axes)) < len(axes):
            raise wants(self.name, "x", shape, f"different axes, not {list(self.axes)}", "name each axis once")
        return axes


@dataclass(frozen=True)
class Reduction(OverAxes, LinearMap):
    """Elements of one example added up along axes, times a constant."""

    def factor(self) -> float | None:
        """What the sum is multiplied by; None for 1."""
        return None

    def apply(self, xp: Namespace, x: Array) -> Array:
        total, factor = self.total(xp, x), self.factor()
        return total if factor is None else total * factor

    def adjoint(self, xp: Namespace, cotangent: Array) -> Array:
        factor = self.factor()
        each = self.put_back(cotangent if factor is None else cotangent * factor)
        return xp.contiguous(xp.broadcast_to(each, (*lead(each, len(self.operand)), *self.operand)))


@register
@dataclass(frozen=True)
class Sum(Reduction):
    """y = Σ x over axes of one example; ∂y/∂xᵢ = 1."""

    name = "sum"
    formula = "Σᵢ xᵢ"
    derivative_formula = "∂y/∂xᵢ = 1"
    samples = _SAMPLES


@register
@dataclass(frozen=True)
class Mean(Reduction):
    """y = (1/K) Σ x over axes of one example, K elements to each sum; ∂y/∂xᵢ = 1/K."""

    name = "mean"
    formula = "(1/K) Σᵢ xᵢ"
    derivative_formula = "∂y/∂xᵢ = 1/K"
    samples = _SAMPLES

    def factor(self) -> float | None:
        return 1 / prod(self.operand[axis] for axis in self.axes or ())
