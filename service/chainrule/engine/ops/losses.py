"""Losses on every element of a prediction, and what all losses share: the reduction."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, Literal

from chainrule.engine.backends import Array, Namespace, Shape
from chainrule.engine.op import Contribution, Op, Point, Sample, Saved, Tangents, Wanted, option, wants
from chainrule.engine.registry import register

Reduction = Literal["none", "sum", "mean", "batchmean"]


@dataclass(frozen=True)
class Loss(Op):
    """C = factor · Σ elements over the whole batch; a loss states the value of an element and its derivative.

    factor = scale · 1 (`sum`), · 1/(number of elements) (`mean`), · 1/N (`batchmean`). With `none` the elements are
    returned as they are, times scale.
    """

    family = "loss"
    operands = ("prediction", "target")
    rowwise: ClassVar[bool] = False
    """An element's value takes a whole last axis of the prediction (classes) rather than one entry."""

    reduction: Reduction = option("mean", "`none`, `sum`, `mean` (over every element) or `batchmean` (over N)")
    scale: float = option(1.0, "a factor of the whole loss")

    def elements(self, xp: Namespace, prediction: Array, target: Array) -> tuple[Array, Saved]:
        """The value of each element, (N, *) in the prediction's shape (less its last axis where `rowwise`)."""
        raise NotImplementedError

    def derivative(self, xp: Namespace, prediction: Array, target: Array, saved: Saved) -> Array:
        """The derivative of an element's value by the prediction, in the prediction's shape."""
        raise NotImplementedError

    def divisor(self, xp: Namespace, elements: Array, saved: Saved) -> Any:
        """What `mean` divides by."""
        return prod(elements.shape)

    def shape(self, *shapes: Shape) -> Shape:
        self.check(shapes[0], shapes[1])
        if self.reduction != "none":
            return ()
        return shapes[0][:-1] if self.rowwise else shapes[0]

    def check(self, prediction: Shape, target: Shape) -> None:
        """Raises ShapeError where the targets do not fit the prediction."""
        if prediction != target:
            raise wants(self.name, "targets", target, f"the prediction's shape {list(prediction)}")

    def forward(self, xp: Namespace, *inputs: Array) -> tuple[Array, Saved]:
        elements, saved = self.elements(xp, inputs[0], inputs[1])
        factor = self._factor(xp, elements, saved)
        total = elements if self.reduction == "none" else xp.sum_all(elements)
        return total if factor is _ONE else total * factor, (elements, factor, saved)

    def vjp(self, xp: Namespace, cotangent: Array, at: Point, wanted: Wanted) -> tuple[Contribution, ...]:
        _, factor, saved = at.saved
        derivative = self.derivative(xp, at.inputs[0], at.inputs[1], saved)
        weight = cotangent if factor is _ONE else cotangent * factor
        return derivative * self._spread(weight, at.inputs[0]), None

    def jvp(self, xp: Namespace, tangents: Tangents, at: Point) -> Array:
        _, factor, saved = at.saved
        change = tangents[0] * self.derivative(xp, at.inputs[0], at.inputs[1], saved)
        if self.rowwise:
            change = xp.sum(change, -1)
        if self.reduction != "none":
            change = xp.sum(change, tuple(range(-at.saved[0].ndim, 0)))
        return change * factor

    def per_example(self, xp: Namespace, at: Point) -> Array:
        """Each example's share of the loss, (N,): they sum to it."""
        elements, factor, _ = at.saved
        axes = tuple(range(1 - elements.ndim, 0))
        return (xp.sum(elements, axes) if axes else elements) * factor

    def subgradient(self, xp: Namespace, at: Point) -> Array:
        return self.derivative(xp, at.inputs[0], at.inputs[1], at.saved[2]) * at.saved[1]

    def flops(self, *shapes: Shape) -> int:
        return 4 * prod(shapes[0])

    def _factor(self, xp: Namespace, elements: Array, saved: Saved) -> Any:
        if self.reduction == "mean":
            return self.scale / self.divisor(xp, elements, saved)
        if self.reduction == "batchmean":
            return self.scale / elements.shape[0]
        return _ONE if self.scale == 1 else self.scale

    def _spread(self, weight: Array, prediction: Array) -> Array:
        """`weight` given the prediction's axes, after those of the seeds."""
        if isinstance(weight, float):
            return weight
        if self.reduction == "none":
            return weight[..., None] if self.rowwise else weight
        return weight.reshape((*weight.shape, *(1,) * prediction.ndim)) if weight.ndim else weight


_ONE = 1.0
"""The factor that need not be multiplied by."""


@register
@dataclass(frozen=True)
class SquaredError(Loss):
    """(ŷ − y)²; derivative 2(ŷ − y). `sum` by default: ‖ŷ − y‖². `scale: 0.5` for the ½ that some courses use."""

    name = "squared_error"
    formula = "(ŷ − y)²"
    derivative_formula = "2(ŷ − y)"
    samples = (
        Sample(((3,), (3,))),
        Sample(((2, 3), (2, 3)), {"reduction": "mean"}),
        Sample(((3,), (3,)), {"reduction": "batchmean", "scale": 0.5}),
        Sample(((3,), (3,)), {"reduction": "none"}),
    )

    reduction: Reduction = option("sum", "`none`, `sum`, `mean` (over every element) or `batchmean` (over N)")

    def elements(self, xp: Namespace, prediction: Array, target: Array) -> tuple[Array, Saved]:
        error = prediction - target
        return error * error, error

    def derivative(self, xp: Namespace, prediction: Array, target: Array, saved: Saved) -> Array:
        return 2 * saved
