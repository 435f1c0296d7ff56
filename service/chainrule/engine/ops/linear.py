"""The affine map."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Literal, Self

from chainrule.engine.axes import broadcast_examples
from chainrule.engine.backends import Array, Namespace, Shape
from chainrule.engine.op import Contribution, Op, Point, Sample, Saved, Tangents, Wanted, option, wants
from chainrule.engine.registry import register
from chainrule.engine.structure import Outer, outer


@register
@dataclass(frozen=True)
class Linear(Op):
    """s = W x + b on the last axis: x (…, in), W (out, in), b (out,), s (…, out).

    ∂C/∂x = Wᵀ ∂C/∂s, ∂C/∂W = ∂C/∂s xᵀ, ∂C/∂b = ∂C/∂s. With `weight_layout: "in_out"`, W is (in, out) and s = xᵀ W + b.
    """

    name = "linear"
    family = "linear"
    parameters = ("weight", "bias")
    optional = frozenset({"bias"})
    formula = "W x + b"
    derivative_formula = "∂s/∂x = W, ∂sᵢ/∂Wᵢⱼ = xⱼ, ∂s/∂b = I"
    samples = (
        Sample(((3,), (4, 3), (4,))),
        Sample(((3,), (4, 3))),
        Sample(((2, 3), (4, 3), (4,))),
        Sample(((2, 2, 3), (4, 3), (4,))),
        Sample(((3,), (3, 4), (4,)), {"weight_layout": "in_out"}),
        Sample(((2, 3), (3, 4)), {"weight_layout": "in_out"}),
    )

    weight_layout: Literal["out_in", "in_out"] = option(
        "out_in", "`out_in`: W is (out, in), as torch; `in_out`: W is (in, out), for courses that write x W"
    )
    rank: int = 1
    """Of one example's x."""

    def shape(self, *shapes: Shape) -> Shape:
        x, weight, *bias = shapes
        if len(x) < 1:
            raise wants("linear", "x", x, "at least one axis, [..., in]")
        if len(weight) != 2:
            raise wants("linear", "weight", weight, "a matrix, [out, in]")
        flipped = self.weight_layout == "in_out"
        outputs, inputs = reversed(weight) if flipped else weight
        if inputs != x[-1]:
            layout = "[in, out]" if flipped else "[out, in]"
            right = [x[-1], outputs] if flipped else [outputs, x[-1]]
            transposable = outputs == x[-1]
            right = list(reversed(weight)) if transposable else right
            advice = "transpose it" if transposable else f"its input x has shape {list(x)}"
            raise wants("linear", "weight", weight, f"{layout} = {right}", advice)
        if bias and bias[0] != (outputs,):
            raise wants("linear", "bias", bias[0], f"[out] = [{outputs}]")
        return (*x[:-1], outputs)

    def bind(self, *shapes: Shape) -> Self:
        return replace(self, rank=len(shapes[0]))

    def forward(self, xp: Namespace, *inputs: Array) -> tuple[Array, Saved]:
        bias = inputs[2] if len(inputs) == 3 else None
        return xp.linear(inputs[0], self._out_in(inputs[1]), bias), None

    def vjp(self, xp: Namespace, cotangent: Array, at: Point, wanted: Wanted) -> tuple[Contribution, ...]:
        inputs = at.inputs
        into_x = xp.matmul(cotangent, self._out_in(inputs[1])) if wanted[0] else None
        into_weight = self._outer(cotangent, inputs[0]) if wanted[1] else None
        if len(inputs) == 2:
            return into_x, into_weight
        return into_x, into_weight, self._into_bias(xp, cotangent) if wanted[2] else None

    def jvp(self, xp: Namespace, tangents: Tangents, at: Point) -> Array:
        x, weight, *_ = at.inputs
        of_x, of_weight, *of_bias = tangents
        terms = []
        if of_x is not None:
            terms.append(of_x @ self._out_in(weight).mT)
        if of_weight is not None:
            gap = (None,) * (self.rank - 1)
            terms.append((self._out_in(of_weight)[(..., *gap, slice(None), slice(None))] @ x[..., None])[..., 0])
        if of_bias and of_bias[0] is not None:
            terms.append(broadcast_examples(xp, of_bias[0], 1, at.output.shape[-self.rank :]))
        return sum(terms[1:], start=terms[0])

    def diagonals(self, xp: Namespace, at: Point) -> tuple[Array | None, ...] | None:
        if self.rank == 1 and len(at.inputs) == 3:
            return None, None, xp.ones_like(at.output)
        return None

    def flops(self, *shapes: Shape) -> int:
        return 2 * prod(shapes[0]) * prod(self.shape(*shapes)[-1:])

    def _out_in(self, weight: Array) -> Array:
        return weight.mT if self.weight_layout == "in_out" else weight

    def _outer(self, cotangent: Array, x: Array) -> Outer:
        """∂C/∂W = ∂C/∂s xᵀ, axes of one example before the last folded into one."""
        if self.rank > 2:
            cotangent = cotangent.reshape((*cotangent.shape[: -self.rank], -1, cotangent.shape[-1]))
            x = x.reshape((*x.shape[: -self.rank], -1, x.shape[-1]))
        return outer((cotangent, x, self.rank > 1, self.weight_layout == "in_out"))

    def _into_bias(self, xp: Namespace, cotangent: Array) -> Array:
        return cotangent if self.rank == 1 else xp.sum(cotangent, tuple(range(-self.rank, -1)))
