"""Activations that are linear piece by piece."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import Self

from chainrule.engine.axes import aligned
from chainrule.engine.backends import Array, Namespace, Shape
from chainrule.engine.errors import EngineError
from chainrule.engine.op import (
    Contribution,
    Elementwise,
    Op,
    Point,
    Sample,
    Saved,
    Tangents,
    Wanted,
    option,
    wants,
)
from chainrule.engine.registry import register


@register
@dataclass(frozen=True)
class Identity(Elementwise):
    """f(s) = s; f'(s) = 1."""

    name = "identity"
    formula = "s"
    derivative_formula = "1"
    samples = (Sample(((3,),)), Sample(((2, 3),)))

    def f(self, xp: Namespace, x: Array) -> Array:
        return x

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return xp.ones_like(x)

    def vjp(self, xp: Namespace, cotangent: Array, at: Point, wanted: Wanted) -> tuple[Contribution, ...]:
        return (cotangent,)


@register
@dataclass(frozen=True)
class Relu(Elementwise):
    """f(s) = c·max(s, 0); f'(s) = c where s > 0, else 0."""

    name = "relu"
    quiet = "inactive"
    formula = "c max(s, 0)"
    derivative_formula = "c where s > 0, else 0"
    at_kink = "0 at 0"
    samples = (Sample(((4,),)), Sample(((2, 3),), {"scale": 3.0}))

    scale: float = option(1.0, "the factor c")

    def f(self, xp: Namespace, x: Array) -> Array:
        positive = xp.relu(x)
        return positive if self.scale == 1 else positive * self.scale

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        step = xp.step(x)
        return step if self.scale == 1 else step * self.scale

    def vjp(self, xp: Namespace, cotangent: Array, at: Point, wanted: Wanted) -> tuple[Contribution, ...]:
        let_through = xp.where_positive(at.inputs[0], cotangent)
        return (let_through if self.scale == 1 else let_through * self.scale,)

    def kink(self, xp: Namespace, x: Array) -> Array | None:
        return x == xp.zero

    def steepest(self) -> float:
        return abs(self.scale)


class Clipped(Elementwise):
    """f(s) = min(max(s, low), high); f'(s) = 1 strictly between the bounds, 0 beyond them and at them."""

    quiet = "saturated"
    formula = "min(max(s, low), high)"
    derivative_formula = "1 where low < s < high, else 0"
    at_kink = "0 at every bound"

    def bounds(self) -> tuple[float, float]:
        """low and high; infinite where there is none."""
        raise NotImplementedError

    def shape(self, *shapes: Shape) -> Shape:
        low, high = self.bounds()
        if low >= high:
            raise EngineError(f"{self.name} has the bounds {low:g} and {high:g}; the lower must be below the upper")
        return shapes[0]

    def f(self, xp: Namespace, x: Array) -> Array:
        return xp.clip(x, *self.bounds())

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return xp.as_float(self._inside(x))

    def vjp(self, xp: Namespace, cotangent: Array, at: Point, wanted: Wanted) -> tuple[Contribution, ...]:
        return (xp.where(self._inside(at.inputs[0]), cotangent, 0.0),)

    def kink(self, xp: Namespace, x: Array) -> Array | None:
        low, high = self.bounds()
        return (x == low) | (x == high)

    def _inside(self, x: Array) -> Array:
        low, high = self.bounds()
        return (x > low) & (x < high)


@register
@dataclass(frozen=True)
class Relu6(Clipped):
    """f(s) = min(max(s, 0), 6); f'(s) = 1 where 0 < s < 6, else 0."""

    name = "relu6"
    formula = "min(max(s, 0), 6)"
    derivative_formula = "1 where 0 < s < 6, else 0"
    at_kink = "0 at 0 and at 6"
    samples = (Sample(((4,),), low=-3, high=9), Sample(((2, 3),), low=-3, high=9))

    def bounds(self) -> tuple[float, float]:
        return 0.0, 6.0


@register
@dataclass(frozen=True)
class Hardtanh(Clipped):
    """f(s) = min(max(s, min_val), max_val); f'(s) = 1 strictly between them, else 0."""

    name = "hardtanh"
    formula = "min(max(s, min_val), max_val)"
    derivative_formula = "1 where min_val < s < max_val, else 0"
    samples = (Sample(((4,),)), Sample(((2, 3),), {"min_val": -0.5, "max_val": 1.5}))

    min_val: float = option(-1.0, "the lower bound")
    max_val: float = option(1.0, "the upper bound")

    def bounds(self) -> tuple[float, float]:
        return self.min_val, self.max_val


@register
@dataclass(frozen=True)
class Clamp(Clipped):
    """f(s) = min(max(s, low), high), where either bound may be left out; f'(s) = 1 strictly between them, else 0."""

    name = "clamp"
    samples = (
        Sample(((4,),), {"low": -0.5, "high": 1.0}),
        Sample(((2, 3),), {"low": 0.25}),
        Sample(((4,),), {"high": 0.25}),
    )

    low: float | None = option(None, "the lower bound; none where left out")
    high: float | None = option(None, "the upper bound; none where left out")

    def bounds(self) -> tuple[float, float]:
        return -inf if self.low is None else self.low, inf if self.high is None else self.high

    def shape(self, *shapes: Shape) -> Shape:
        if self.low is None and self.high is None:
            raise EngineError("clamp has no bound: give low, high, or both")
        return super().shape(*shapes)


@register
@dataclass(frozen=True)
class LeakyRelu(Elementwise):
    """f(s) = s where s > 0, else slope·s; f'(s) = 1 where s > 0, else slope."""

    name = "leaky_relu"
    quiet = "inactive"
    formula = "s where s > 0, else slope · s"
    derivative_formula = "1 where s > 0, else slope"
    at_kink = "slope at 0"
    samples = (Sample(((4,),)), Sample(((2, 3),), {"slope": 0.2}), Sample(((4,),), {"slope": -0.5}))

    slope: float = option(0.01, "the derivative at and below 0")

    def f(self, xp: Namespace, x: Array) -> Array:
        return xp.where(x > 0, x, self.slope * x)

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return xp.where(x > 0, xp.ones_like(x), self.slope)

    def kink(self, xp: Namespace, x: Array) -> Array | None:
        return None if self.slope == 1 else x == 0

    def steepest(self) -> float:
        return max(1.0, abs(self.slope))


@register
@dataclass(frozen=True)
class Prelu(Op):
    """f(s) = s where s > 0, else a·s, with a parameter a, `slope`: one for all, (), or one per last axis, (k,).

    ∂f/∂s = 1 where s > 0, else a; ∂f/∂a = min(s, 0).
    """

    name = "prelu"
    family = "activation"
    parameters = ("slope",)
    formula = "s where s > 0, else a s"
    derivative_formula = "∂/∂s: 1 where s > 0, else a; ∂/∂a: min(s, 0)"
    at_kink = "a at 0"
    samples = (
        Sample(((4,), (4,))),
        Sample(((4,), ())),
        Sample(((), ())),
        Sample(((2, 3), (3,))),
        Sample(((2, 3), ())),
    )

    rank: int = 1
    """Of one example's s."""
    one_per_last_axis: bool = True

    def shape(self, *shapes: Shape) -> Shape:
        x, slope = shapes
        if slope not in ((), x[-1:]):
            raise wants("prelu", "slope", slope, f"[] (one for all) or {list(x[-1:])} (one per last axis)")
        return x

    def bind(self, *shapes: Shape) -> Self:
        return replace(self, rank=len(shapes[0]), one_per_last_axis=len(shapes[1]) == 1)

    def forward(self, xp: Namespace, *inputs: Array) -> tuple[Array, Saved]:
        x, slope = inputs[0], self._slope(inputs[1])
        return xp.where(x > 0, x, slope * x), None

    def vjp(self, xp: Namespace, cotangent: Array, at: Point, wanted: Wanted) -> tuple[Contribution, ...]:
        into_x = cotangent * self._into_x(xp, at) if wanted[0] else None
        into_slope = None
        if wanted[1]:
            into_slope = xp.where(at.inputs[0] > 0, 0.0, cotangent * at.inputs[0])
            summed = tuple(range(-self.rank, -1 if self.one_per_last_axis else 0))
            into_slope = xp.sum(into_slope, summed) if summed else into_slope
        return into_x, into_slope

    def jvp(self, xp: Namespace, tangents: Tangents, at: Point) -> Array:
        of_x, of_slope = tangents
        terms = []
        if of_x is not None:
            terms.append(of_x * self._into_x(xp, at))
        if of_slope is not None:
            gap = (None,) * (self.rank - self.one_per_last_axis)
            kept = (slice(None),) * self.one_per_last_axis
            terms.append(of_slope[(..., *gap, *kept)] * xp.clip(at.inputs[0], -inf, 0.0))
        return sum(terms[1:], start=terms[0])

    def diagonals(self, xp: Namespace, at: Point) -> tuple[Array | None, ...] | None:
        own = self.rank == self.one_per_last_axis
        return self._into_x(xp, at), xp.clip(at.inputs[0], -inf, 0.0) if own else None

    def kinks(self, xp: Namespace, at: Point) -> Array | None:
        return (at.inputs[0] == 0) & (self._slope(at.inputs[1]) != 1)

    def subgradient(self, xp: Namespace, at: Point) -> Array:
        return self._into_x(xp, at)

    def _into_x(self, xp: Namespace, at: Point) -> Array:
        x = at.inputs[0]
        return xp.where(x > 0, xp.ones_like(x), self._slope(at.inputs[1]))

    def _slope(self, slope: Array) -> Array:
        """a as it meets s."""
        return aligned(slope, int(self.one_per_last_axis), self.rank)


@register
@dataclass(frozen=True)
class Abs(Elementwise):
    """f(s) = |s|; f'(s) = sign(s)."""

    name = "abs"
    formula = "|s|"
    derivative_formula = "sign(s)"
    at_kink = "0 at 0"
    samples = (Sample(((4,),)), Sample(((2, 3),)))

    def f(self, xp: Namespace, x: Array) -> Array:
        return xp.abs(x)

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        return xp.sign(x)

    def kink(self, xp: Namespace, x: Array) -> Array | None:
        return x == 0
