"""What all losses share: targets, the reduction of many elements to one number, and its derivative."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, Literal, NamedTuple

from chainrule.engine.backends import Array, Namespace, Shape
from chainrule.engine.op import Contribution, Op, Point, Saved, Tangents, Wanted, option, wants
from chainrule.engine.structure import quick

Reduction = Literal["none", "sum", "mean", "batchmean"]


def reduction(default: Reduction) -> Any:
    """The option `reduction` with a loss's own default."""
    return option(default, "`none`, `sum`, `mean` (over every element) or `batchmean` (over N)")


class Terms(NamedTuple):
    """What forward saves: each element's value, what each is multiplied by, and what the derivative needs."""

    elements: Array
    factor: Any
    saved: Saved


_terms = quick(Terms)


@dataclass(frozen=True)
class Loss(Op):
    """C = factor · Σ elements over the whole batch; a loss states the value of an element and its derivative.

    factor = scale (`sum`), scale/(number of elements) (`mean`), scale/N (`batchmean`). With `none` the elements are
    returned as they are, times scale. The prediction alone is differentiated, never the target.
    """

    family = "loss"
    operands = ("prediction", "target")
    rowwise: ClassVar[bool] = False
    """An element's value takes a whole last axis of the prediction (classes) rather than one entry."""

    reduction: Reduction = reduction("mean")
    scale: float = option(1.0, "a factor of the whole loss")

    def check(self, prediction: Shape, target: Shape) -> None:
        """Raises ShapeError where the targets do not fit the prediction."""
        if prediction != target:
            raise wants(self.name, "targets", target, f"the prediction's shape {list(prediction)} in each example")

    def targets(self, xp: Namespace, target: Array) -> Array:
        """The targets as `elements` reads them. Raises DomainError where they are of the wrong kind."""
        return xp.as_float(target) if xp.is_integer(target) else target

    def elements(self, xp: Namespace, prediction: Array, target: Array) -> tuple[Array, Saved]:
        """Each element's value, in the prediction's shape (less its last axis where `rowwise`), and what
        `derivative` needs."""
        raise NotImplementedError

    def derivative(self, xp: Namespace, saved: Saved) -> Array:
        """The derivative of an element's value by the prediction, in the prediction's shape."""
        raise NotImplementedError

    def weighted(self, xp: Namespace, saved: Saved, weight: Any) -> Array:
        """The derivative times `weight`, a number or an array. Overridden where that takes one product less."""
        return times(xp, self.derivative(xp, saved), weight)

    def divisor(self, xp: Namespace, elements: Array, saved: Saved) -> Any:
        """What `mean` divides by."""
        return xp.size(elements)

    def shape(self, *shapes: Shape) -> Shape:
        prediction, target = shapes
        self.check(prediction, target)
        if self.reduction != "none":
            return ()
        return prediction[:-1] if self.rowwise else prediction

    def forward(self, xp: Namespace, *inputs: Array) -> tuple[Array, Saved]:
        prediction, target = inputs
        elements, saved = self.elements(xp, prediction, self.targets(xp, target))
        factor = self._factor(xp, elements, saved)
        total = elements if self.reduction == "none" else xp.sum_all(elements)
        return total if factor is _ONE else times(xp, total, factor), _terms((elements, factor, saved))

    def vjp(self, xp: Namespace, cotangent: Array, at: Point, wanted: Wanted) -> tuple[Contribution, ...]:
        _, factor, saved = at.saved
        weight = cotangent if factor is _ONE else cotangent * factor
        axes = at.inputs[0].ndim - xp.number_axes if self.reduction != "none" else int(self.rowwise)
        return self.weighted(xp, saved, spread(weight, axes)), None

    def jvp(self, xp: Namespace, tangents: Tangents, at: Point) -> Array:
        prediction, (_, factor, saved) = at.inputs[0], at.saved
        change = tangents[0] * self.derivative(xp, saved) * factor
        if self.reduction == "none":
            return xp.sum(change, -1) if self.rowwise else change
        total = xp.sum(change, tuple(range(-prediction.ndim, 0)))
        return total[..., None] if change.ndim > prediction.ndim else total

    def diagonals(self, xp: Namespace, at: Point) -> tuple[Array | None, ...] | None:
        if self.rowwise or self.reduction != "none":
            return None
        return self.subgradient(xp, at), None

    def subgradient(self, xp: Namespace, at: Point) -> Array:
        return self.derivative(xp, at.saved.saved) * at.saved.factor

    def per_example(self, xp: Namespace, at: Point) -> Array:
        """Each example's share of the loss, (N,): they sum to it."""
        elements, factor, _ = at.saved
        axes = tuple(range(1 - elements.ndim, 0))
        return (xp.sum(elements, axes) if axes else elements) * factor

    def flops(self, *shapes: Shape) -> int:
        return 4 * prod(shapes[0])

    def _factor(self, xp: Namespace, elements: Array, saved: Saved) -> Any:
        if self.reduction == "mean":
            return self.scale / self.divisor(xp, elements, saved)
        if self.reduction == "batchmean":
            return self.scale / xp.examples(elements)
        return _ONE if self.scale == 1 else self.scale


_ONE = 1.0
"""The factor that need not be multiplied by."""


def spread(cotangent: Array, axes: int) -> Array:
    """A cotangent given so many axes more after its own, to meet what it was reduced from."""
    return cotangent if isinstance(cotangent, float) else cotangent[(..., *(None,) * axes)]


def times(xp: Namespace, x: Array, weight: Any) -> Array:
    """x times a number or an array."""
    return xp.times(x, weight) if type(weight) is float else x * weight


def first(xp: Namespace, x: Array, where: Array) -> Any:
    """The first element of x where the mask `where` holds, as a plain number for a message."""
    return xp.to_numpy(x)[xp.to_numpy(where)].flat[0].item()
