"""Penalties on parameters, added to the loss, and the sum that the two make."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from chainrule.engine.backends import Array, Namespace, Shape
from chainrule.engine.op import Contribution, Op, Point, Sample, Saved, Tangents, Wanted, option
from chainrule.engine.ops.loss import spread
from chainrule.engine.registry import register


@dataclass(frozen=True)
class Penalty(Op):
    """scale · Σ f(w) over every number w of one or more parameters; a penalty states f and its derivative."""

    family = "penalty"
    variadic = True

    scale: float = option(1.0, "the factor λ")

    def f(self, xp: Namespace, w: Array) -> Array:
        """The function of each number."""
        raise NotImplementedError

    def derivative(self, xp: Namespace, w: Array) -> Array:
        """f'(w)."""
        raise NotImplementedError

    def shape(self, *shapes: Shape) -> Shape:
        return ()

    def forward(self, xp: Namespace, *inputs: Array) -> tuple[Array, Saved]:
        total = sum((xp.sum_all(self.f(xp, w)) for w in inputs[1:]), start=xp.sum_all(self.f(xp, inputs[0])))
        return total if self.scale == 1 else total * self.scale, None

    def vjp(self, xp: Namespace, cotangent: Array, at: Point, wanted: Wanted) -> tuple[Contribution, ...]:
        weight = cotangent if self.scale == 1 else cotangent * self.scale
        return tuple(
            self.derivative(xp, w) * spread(weight, w.ndim - xp.number_axes) if want else None
            for w, want in zip(at.inputs, wanted, strict=True)
        )

    def jvp(self, xp: Namespace, tangents: Tangents, at: Point) -> Array:
        changes = [
            _sum_last(xp, tangent * self.derivative(xp, w), w.ndim)
            for w, tangent in zip(at.inputs, tangents, strict=True)
            if tangent is not None
        ]
        return sum(changes[1:], start=changes[0]) * self.scale

    def subgradient(self, xp: Namespace, at: Point) -> Array:
        return self.derivative(xp, at.inputs[0]) * self.scale

    def flops(self, *shapes: Shape) -> int:
        return 2 * sum(prod(shape) for shape in shapes)


@register
@dataclass(frozen=True)
class L1Penalty(Penalty):
    """λ Σ|w|; derivative λ sign(w), 0 at 0."""

    name = "l1_penalty"
    formula = "λ Σ|w|"
    derivative_formula = "λ sign(w)"
    at_kink = "0 at 0"
    samples = (Sample(((3,),)), Sample(((4, 3), (4,)), {"scale": 0.5}), Sample(((),)))

    def f(self, xp: Namespace, w: Array) -> Array:
        return xp.abs(w)

    def derivative(self, xp: Namespace, w: Array) -> Array:
        return xp.sign(w)

    def kinks(self, xp: Namespace, at: Point) -> Array | None:
        return at.inputs[0] == 0


@register
@dataclass(frozen=True)
class L2Penalty(Penalty):
    """λ Σw²; derivative 2λw. `scale: 0.5` for the ½ that weight decay has."""

    name = "l2_penalty"
    formula = "λ Σ w²"
    derivative_formula = "2 λ w"
    samples = (Sample(((3,),)), Sample(((4, 3), (4,)), {"scale": 0.5}), Sample(((),)))

    def f(self, xp: Namespace, w: Array) -> Array:
        return w * w

    def derivative(self, xp: Namespace, w: Array) -> Array:
        return 2 * w


@dataclass(frozen=True)
class Total(Op):
    """C, the loss on the data and every penalty added up. The plan puts it there; no caller writes it."""

    name = "total"
    family = "total"
    variadic = True
    formula = "Σᵢ xᵢ"
    derivative_formula = "1"
    samples = (Sample(((), ())), Sample(((), (), ())))

    def shape(self, *shapes: Shape) -> Shape:
        return ()

    def forward(self, xp: Namespace, *inputs: Array) -> tuple[Array, Saved]:
        return sum(inputs[1:], start=inputs[0]), None

    def vjp(self, xp: Namespace, cotangent: Array, at: Point, wanted: Wanted) -> tuple[Contribution, ...]:
        return tuple(cotangent if want else None for want in wanted)

    def jvp(self, xp: Namespace, tangents: Tangents, at: Point) -> Array:
        changes = [tangent for tangent in tangents if tangent is not None]
        return sum(changes[1:], start=changes[0])

    def flops(self, *shapes: Shape) -> int:
        return len(shapes)


def _sum_last(xp: Namespace, x: Array, axes: int) -> Array:
    return xp.sum(x, tuple(range(-axes, 0))) if axes else x
