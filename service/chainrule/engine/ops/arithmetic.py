"""Sums, differences and products, element by element."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from math import prod
from operator import add
from typing import Self

from chainrule.engine.axes import aligned, broadcast_examples, broadcast_shape, sum_examples
from chainrule.engine.backends import Array, Namespace, Shape
from chainrule.engine.op import Contribution, Op, Point, Sample, Saved, Tangents, Wanted, option, wants
from chainrule.engine.ops.linear_map import LinearMap
from chainrule.engine.registry import register

_BROADCAST = (
    Sample(((2, 3), (3,))),
    Sample(((3,), (2, 3))),
    Sample(((2, 1), (3,))),
    Sample(((), (3,))),
    Sample(((), ())),
)


@dataclass(frozen=True)
class Broadcasting(Op):
    """y = f(x₀, x₁, …) element by element of operands that broadcast, example with example.

    ∂C/∂xᵢ = ∂C/∂y · ∂y/∂xᵢ, summed over the axes along which xᵢ was repeated.
    """

    family = "arithmetic"
    operands = ("a", "b")

    shapes: tuple[Shape, ...] = ()
    """Of one example of each operand."""
    result: Shape = ()
    """What they broadcast to."""

    def combine(self, operands: tuple[Array, ...]) -> Array:
        """The function, of operands whose examples have one rank."""
        raise NotImplementedError

    def partial(self, change: Array, operands: tuple[Array, ...], i: int) -> Array:
        """change · ∂y/∂xᵢ, element by element."""
        raise NotImplementedError

    def shape(self, *shapes: Shape) -> Shape:
        result = shapes[0]
        for i, shape in enumerate(shapes[1:], start=1):
            wider = broadcast_shape(result, shape)
            if wider is None:
                operand = f"x{i}" if self.variadic else self.operands[i]
                advice = "counted from the end, axes are equal, 1 or left out; the batch axis is not counted"
                raise wants(self.name, operand, shape, f"one that broadcasts with {list(result)}", advice)
            result = wider
        return result

    def bind(self, *shapes: Shape) -> Self:
        return replace(self, shapes=shapes, result=self.shape(*shapes))

    def forward(self, xp: Namespace, *inputs: Array) -> tuple[Array, Saved]:
        return self.combine(self._aligned(inputs)), None

    def vjp(self, xp: Namespace, cotangent: Array, at: Point, wanted: Wanted) -> tuple[Contribution, ...]:
        operands = self._aligned(at.inputs)
        return tuple(
            sum_examples(xp, self.partial(cotangent, operands, i), self.result, self.shapes[i]) if wanted[i] else None
            for i in range(len(operands))
        )

    def jvp(self, xp: Namespace, tangents: Tangents, at: Point) -> Array:
        operands, rank = self._aligned(at.inputs), len(self.result)
        terms = [
            self.partial(aligned(tangent, len(self.shapes[i]), rank), operands, i)
            for i, tangent in enumerate(tangents)
            if tangent is not None
        ]
        return broadcast_examples(xp, reduce(add, terms), rank, self.result)

    def diagonals(self, xp: Namespace, at: Point) -> tuple[Array | None, ...] | None:
        operands, ones = self._aligned(at.inputs), xp.ones_like(at.output)
        return tuple(
            self.partial(ones, operands, i) if shape == self.result else None for i, shape in enumerate(self.shapes)
        )

    def flops(self, *shapes: Shape) -> int:
        return (len(shapes) - 1) * prod(self.shape(*shapes))

    def _aligned(self, inputs: tuple[Array, ...]) -> tuple[Array, ...]:
        rank = len(self.result)
        return tuple([aligned(x, len(shape), rank) for x, shape in zip(inputs, self.shapes, strict=True)])


@register
@dataclass(frozen=True)
class Add(Broadcasting):
    """y = x₀ + x₁ + …; ∂y/∂xᵢ = 1. Shapes of one example broadcast."""

    name = "add"
    variadic = True
    formula = "x₀ + x₁ + …"
    derivative_formula = "∂y/∂xᵢ = 1"
    samples = (Sample(((3,), (3,))), Sample(((2, 3), (3,), (2, 1))), *_BROADCAST)

    def combine(self, operands: tuple[Array, ...]) -> Array:
        return reduce(add, operands)

    def partial(self, change: Array, operands: tuple[Array, ...], i: int) -> Array:
        return change


@register
@dataclass(frozen=True)
class Sub(Broadcasting):
    """y = a − b; ∂y/∂a = 1, ∂y/∂b = −1. Shapes of one example broadcast."""

    name = "sub"
    formula = "a − b"
    derivative_formula = "∂y/∂a = 1, ∂y/∂b = −1"
    samples = (Sample(((3,), (3,))), *_BROADCAST)

    def combine(self, operands: tuple[Array, ...]) -> Array:
        return operands[0] - operands[1]

    def partial(self, change: Array, operands: tuple[Array, ...], i: int) -> Array:
        return -change if i else change


@register
@dataclass(frozen=True)
class Mul(Broadcasting):
    """y = a ⊙ b, element by element; ∂y/∂a = b, ∂y/∂b = a. Shapes of one example broadcast."""

    name = "mul"
    formula = "a ⊙ b"
    derivative_formula = "∂y/∂a = b, ∂y/∂b = a"
    samples = (Sample(((3,), (3,))), *_BROADCAST)

    def combine(self, operands: tuple[Array, ...]) -> Array:
        return operands[0] * operands[1]

    def partial(self, change: Array, operands: tuple[Array, ...], i: int) -> Array:
        return change * operands[1 - i]


@register
@dataclass(frozen=True)
class Scale(LinearMap):
    """y = c·x; ∂y/∂x = c."""

    name = "scale"
    family = "arithmetic"
    formula = "c x"
    derivative_formula = "c"
    samples = (Sample(((3,),)), Sample(((2, 3),), {"factor": -2.5}), Sample(((),), {"factor": 0.5}))

    factor: float = option(1.0, "the number c")

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def apply(self, xp: Namespace, x: Array) -> Array:
        return x * self.factor

    def adjoint(self, xp: Namespace, cotangent: Array) -> Array:
        return cotangent * self.factor

    def diagonals(self, xp: Namespace, at: Point) -> tuple[Array | None, ...] | None:
        return (xp.ones_like(at.output) * self.factor,)
