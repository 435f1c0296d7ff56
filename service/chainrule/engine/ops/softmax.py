"""Softargmax and what belongs to it: its logarithm, and the soft maximum whose gradient it is."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, prod

from chainrule.engine.backends import Array, Namespace, Shape
from chainrule.engine.op import Contribution, Op, Point, Sample, Saved, Tangents, Wanted, option, wants
from chainrule.engine.registry import register


class LastAxis(Op):
    """An op along the last axis, its K classes."""

    family = "activation"

    def shape(self, *shapes: Shape) -> Shape:
        if len(shapes[0]) < 1:
            raise wants(self.name, "x", shapes[0], "at least one axis, [..., K]")
        return shapes[0]

    def flops(self, *shapes: Shape) -> int:
        return 5 * prod(shapes[0])


@register
@dataclass(frozen=True)
class Softargmax(LastAxis):
    """p = e^(βs) / Σ e^(βs) along the last axis; ∂p/∂s = β(diag p − p pᵀ), so that g becomes β p(g − ⟨g, p⟩).

    What is usually called softmax: for β → ∞ it is the one-hot argmax, not the maximum (that is `logsumexp`). With
    β < 0 it is softargmin.
    """

    name = "softargmax"
    aliases = ("softmax",)
    formula = "e^(βsᵢ) / Σⱼ e^(βsⱼ)"
    derivative_formula = "β(diag p − p pᵀ)"
    samples = (Sample(((4,),)), Sample(((2, 3),), {"beta": 2.5}), Sample(((3,),), {"beta": -1.0}))

    beta: float = option(1.0, "the inverse temperature β")

    def forward(self, xp: Namespace, *inputs: Array) -> tuple[Array, Saved]:
        x = inputs[0]
        return xp.softargmax(x if self.beta == 1 else _below(xp, x, self.beta), -1), None

    def vjp(self, xp: Namespace, cotangent: Array, at: Point, wanted: Wanted) -> tuple[Contribution, ...]:
        return (self._through(xp, cotangent, at.output),)

    def jvp(self, xp: Namespace, tangents: Tangents, at: Point) -> Array:
        return self._through(xp, tangents[0], at.output)

    def _through(self, xp: Namespace, direction: Array, p: Array) -> Array:
        """The Jacobian, which is symmetric, times a direction."""
        return _scaled(p * (direction - xp.sum(direction * p, -1, keepdims=True)), self.beta)


@register
@dataclass(frozen=True)
class LogSoftargmax(LastAxis):
    """log p, p = softargmax(βs) along the last axis, with no p formed: ∂log p/∂s = β(I − 1 pᵀ)."""

    name = "log_softargmax"
    aliases = ("log_softmax",)
    formula = "βsᵢ − log Σⱼ e^(βsⱼ)"
    derivative_formula = "β(I − 1 pᵀ)"
    samples = (Sample(((4,),)), Sample(((2, 3),), {"beta": 2.5}))

    beta: float = option(1.0, "the inverse temperature β")

    def forward(self, xp: Namespace, *inputs: Array) -> tuple[Array, Saved]:
        below = _below(xp, inputs[0], self.beta)
        return below - xp.log(xp.sum(xp.exp(below), -1, keepdims=True)), None

    def vjp(self, xp: Namespace, cotangent: Array, at: Point, wanted: Wanted) -> tuple[Contribution, ...]:
        total = xp.sum(cotangent, -1, keepdims=True)
        return (_scaled(cotangent - xp.exp(at.output) * total, self.beta),)

    def jvp(self, xp: Namespace, tangents: Tangents, at: Point) -> Array:
        mean = xp.sum(xp.exp(at.output) * tangents[0], -1, keepdims=True)
        return _scaled(tangents[0] - mean, self.beta)


@register
@dataclass(frozen=True)
class LogSumExp(LastAxis):
    """The soft maximum log(Σ e^(βs)) / β along the last axis; its gradient is p = softargmax(βs)."""

    name = "logsumexp"
    formula = "log(Σⱼ e^(βsⱼ)) / β"
    derivative_formula = "softargmax(βs)"
    samples = (Sample(((4,),)), Sample(((2, 3),), {"beta": 2.5}))

    beta: float = option(1.0, "the sharpness β: the larger, the nearer to the maximum", above=0)

    def shape(self, *shapes: Shape) -> Shape:
        return super().shape(*shapes)[:-1]

    def forward(self, xp: Namespace, *inputs: Array) -> tuple[Array, Saved]:
        x = inputs[0]
        if self.beta == 1:
            return xp.logsumexp(x, -1), None
        top = xp.max(x, -1, keepdims=True)
        top = xp.where(xp.abs(top) == inf, 0.0, top)
        return top[..., 0] + xp.logsumexp(self.beta * (x - top), -1) / self.beta, None

    def vjp(self, xp: Namespace, cotangent: Array, at: Point, wanted: Wanted) -> tuple[Contribution, ...]:
        return (cotangent[..., None] * self._weights(xp, at),)

    def jvp(self, xp: Namespace, tangents: Tangents, at: Point) -> Array:
        return xp.sum(tangents[0] * self._weights(xp, at), -1)

    def _weights(self, xp: Namespace, at: Point) -> Array:
        x = at.inputs[0]
        return xp.softargmax(x if self.beta == 1 else _below(xp, x, self.beta), -1)


def _scaled(x: Array, beta: float) -> Array:
    return x if beta == 1 else beta * x


def _below(xp: Namespace, x: Array, beta: float) -> Array:
    """βs less the largest of them, which alone may be too large for a number: for a β near infinity, say."""
    if beta < 0:
        return _below(xp, -x, -beta)
    return _scaled(x - xp.max(x, -1, keepdims=True), beta)
