"""The hard maximum: over axes of one value, and of two values."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.engine.backends import Array, Namespace, Shape
from chainrule.engine.op import Contribution, Op, Point, Sample, Saved, Tangents, Wanted, wants
from chainrule.engine.ops.reductions import OverAxes
from chainrule.engine.registry import register


@register
@dataclass(frozen=True)
class Max(OverAxes):
    """y = max x over axes of one example; ∂y/∂xᵢ is 1 at the largest, shared evenly among m equals, else 0."""

    name = "max"
    formula = "maxᵢ xᵢ"
    derivative_formula = "∂y/∂xᵢ = 1/m at each of the m largest, else 0"
    at_kink = "1/m at each of m equal largest"
    samples = (
        Sample(((4,),)),
        Sample(((2, 3, 4),), {"axes": (0, -1)}),
        Sample(((2, 3),), {"axes": (0,), "keepdims": True}),
        Sample(((),)),
    )

    def forward(self, xp: Namespace, *inputs: Array) -> tuple[Array, Saved]:
        return xp.max(inputs[0], self.axes, self.keepdims) if self.axes else inputs[0], None

    def vjp(self, xp: Namespace, cotangent: Array, at: Point, wanted: Wanted) -> tuple[Contribution, ...]:
        return (_shared(xp, self.put_back(cotangent), self._shares(xp, at)),)

    def jvp(self, xp: Namespace, tangents: Tangents, at: Point) -> Array:
        return self.total(xp, tangents[0] * self._shares(xp, at))

    def kinks(self, xp: Namespace, at: Point) -> Array | None:
        shares = self._shares(xp, at)
        return (shares > 0) & (shares < 1)

    def subgradient(self, xp: Namespace, at: Point) -> Array:
        return self._shares(xp, at)

    def _shares(self, xp: Namespace, at: Point) -> Array:
        """Each element's share of the derivative, in the input's shape."""
        largest = xp.as_float(at.inputs[0] == self.put_back(at.output))
        return largest / self.put_back(self.total(xp, largest))


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
        into_a = _shared(xp, cotangent, share) if wanted[0] else None
        return into_a, _shared(xp, cotangent, 1 - share) if wanted[1] else None

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


def _shared(xp: Namespace, cotangent: Array, share: Array) -> Array:
    """cotangent · share, and 0 to what has no share, even of an infinite cotangent."""
    return xp.where(share == 0, 0.0, cotangent * share)
