"""The hard maximum: over axes of one value, and of two values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Self

from chainrule.engine.axes import axis_from_end
from chainrule.engine.backends import Array, Namespace, Shape
from chainrule.engine.op import Contribution, Op, Point, Sample, Saved, Tangents, Wanted, option, wants
from chainrule.engine.registry import register


@register
@dataclass(frozen=True)
class Max(Op):
    """The largest element along an axis, or of all; its derivative is 1 there, shared evenly among equals, else 0."""

    name = "max"
    family = "reduction"
    formula = "maxⱼ sⱼ"
    derivative_formula = "1/m at each of the m largest, else 0"
    at_kink = "1/m at each of m equal largest"
    samples = (
        Sample(((4,),)),
        Sample(((2, 3),)),
        Sample(((2, 3),), {"axis": 0}),
        Sample(((2, 3),), {"axis": -1}),
    )

    axis: int | None = option(None, "an axis of one example, from 0 or, if negative, from the end; all where left out")
    axes: tuple[int, ...] = ()
    """Those gone over, counted from the end."""

    def shape(self, *shapes: Shape) -> Shape:
        (x,) = shapes
        if not x:
            raise wants("max", "x", x, "at least one axis")
        if self.axis is None:
            return ()
        at = len(x) + axis_from_end("max", self.axis, x)
        return (*x[:at], *x[at + 1 :])

    def bind(self, *shapes: Shape) -> Self:
        (x,) = shapes
        every = tuple(range(-len(x), 0))
        return replace(self, axes=every if self.axis is None else (axis_from_end("max", self.axis, x),))

    def forward(self, xp: Namespace, *inputs: Array) -> tuple[Array, Saved]:
        return xp.max(inputs[0], self.axes), None

    def vjp(self, xp: Namespace, cotangent: Array, at: Point, wanted: Wanted) -> tuple[Contribution, ...]:
        return (self._spread(cotangent) * self._shares(xp, at),)

    def jvp(self, xp: Namespace, tangents: Tangents, at: Point) -> Array:
        return xp.sum(tangents[0] * self._shares(xp, at), self.axes)

    def kinks(self, xp: Namespace, at: Point) -> Array | None:
        shares = self._shares(xp, at)
        return (shares > 0) & (shares < 1)

    def subgradient(self, xp: Namespace, at: Point) -> Array:
        return self._shares(xp, at)

    def flops(self, *shapes: Shape) -> int:
        return prod(shapes[0])

    def _shares(self, xp: Namespace, at: Point) -> Array:
        """Each element's share of the derivative, in the input's shape."""
        largest = xp.as_float(at.inputs[0] == self._spread(at.output))
        return largest / xp.sum(largest, self.axes, keepdims=True)

    def _spread(self, reduced: Array) -> Array:
        """A value of the output's shape with the axes gone over put back, of length 1."""
        kept = (slice(None),) * (-1 - self.axes[0]) if len(self.axes) == 1 else ()
        return reduced[(..., *(None,) * len(self.axes), *kept)]


@register
@dataclass(frozen=True)
class Maximum(Op):
    """max(a, b), element by element of equal shapes; the derivative goes to the larger, half to each of equals."""

    name = "maximum"
    family = "arithmetic"
    operands = ("a", "b")
    formula = "max(a, b)"
    derivative_formula = "∂/∂a: 1 where a > b, ½ where a = b, else 0"
    at_kink = "½ to each where a = b"
    samples = (Sample(((4,), (4,))), Sample(((2, 3), (2, 3))))

    def shape(self, *shapes: Shape) -> Shape:
        a, b = shapes
        if a != b:
            raise wants("maximum", "b", b, f"the shape of a, {list(a)}")
        return a

    def forward(self, xp: Namespace, *inputs: Array) -> tuple[Array, Saved]:
        return xp.maximum(*inputs), None

    def vjp(self, xp: Namespace, cotangent: Array, at: Point, wanted: Wanted) -> tuple[Contribution, ...]:
        share = self._share(xp, at)
        return cotangent * share if wanted[0] else None, cotangent * (1 - share) if wanted[1] else None

    def jvp(self, xp: Namespace, tangents: Tangents, at: Point) -> Array:
        share = self._share(xp, at)
        of_a, of_b = tangents
        if of_b is None:
            return of_a * share
        return of_b * (1 - share) if of_a is None else of_a * share + of_b * (1 - share)

    def diagonals(self, xp: Namespace, at: Point) -> tuple[Array | None, ...] | None:
        share = self._share(xp, at)
        return share, 1 - share

    def kinks(self, xp: Namespace, at: Point) -> Array | None:
        return at.inputs[0] == at.inputs[1]

    def subgradient(self, xp: Namespace, at: Point) -> Array:
        return self._share(xp, at)

    @staticmethod
    def _share(xp: Namespace, at: Point) -> Array:
        """How much of the derivative goes to a."""
        a, b = at.inputs
        return xp.as_float(a > b) + 0.5 * xp.as_float(a == b)
