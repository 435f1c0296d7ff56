"""What all linear maps of one operand share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from chainrule.engine.backends import Array, Namespace, Shape
from chainrule.engine.op import Contribution, Op, Point, Saved, Tangents, Wanted


@dataclass(frozen=True)
class LinearMap(Op):
    """y = A x for a fixed A: an op states x ↦ A x and its adjoint, C ↦ Aᵀ C, and has the rest from here."""

    operand: Shape = ()
    """The shape of one example of x."""

    def apply(self, xp: Namespace, x: Array) -> Array:
        """A x, for x or a tangent of it: (…, *operand)."""
        raise NotImplementedError

    def adjoint(self, xp: Namespace, cotangent: Array) -> Array:
        """Aᵀ times a cotangent of y: (…, *operand)."""
        raise NotImplementedError

    def bind(self, *shapes: Shape) -> Self:
        return replace(self, operand=shapes[0])

    def forward(self, xp: Namespace, *inputs: Array) -> tuple[Array, Saved]:
        return self.apply(xp, inputs[0]), None

    def vjp(self, xp: Namespace, cotangent: Array, at: Point, wanted: Wanted) -> tuple[Contribution, ...]:
        return (self.adjoint(xp, cotangent),)

    def jvp(self, xp: Namespace, tangents: Tangents, at: Point) -> Array:
        return self.apply(xp, tangents[0])
