"""Losses on classes, which lie on the last axis: cross-entropy on logits, and on log-probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from chainrule.engine.backends import Array, Namespace, Shape
from chainrule.engine.errors import DomainError, ShapeError
from chainrule.engine.op import Sample, Saved, option, wants
from chainrule.engine.ops.loss import Loss, first
from chainrule.engine.registry import register


def check_classes(xp: Namespace, op: str, classes: Array, count: int, ignore: int | None = None) -> None:
    """Raises DomainError where class targets are not integers from 0 to count − 1 (or `ignore`)."""
    if not xp.is_integer(classes):
        raise DomainError("class targets are integers: write 2, not 2.0", operand="targets")
    outside = (classes < 0) | (classes >= count)
    if ignore is not None:
        outside = outside & (classes != ignore)
    if xp.count_nonzero(outside):
        found = first(xp, classes, outside)
        advice = ": classes count from 0" if found == count else ""
        advice = f': to leave such rows out, write "ignore_index": {found}' if found < 0 and ignore is None else advice
        raise DomainError(
            f"{op} has {count} classes, 0 to {count - 1}, and a target is {found}{advice}", operand="targets"
        )


class Rows(NamedTuple):
    """The targets t over the classes, weights and smoothing folded in, and what `mean` divides by.

    On logits also p = softargmax(z) and Σt.
    """

    t: Array
    divisor: Any
    p: Array = None
    mass: Array = None


@dataclass(frozen=True)
class ClassLoss(Loss):
    """A loss on classes. Targets are class indices, of one rank less than the prediction, or probabilities."""

    rowwise = True

    class_weights: tuple[float, ...] | None = option(
        None, "a weight for each class; with class indices `mean` divides by the sum of the targets' weights"
    )
    ignore_index: int | None = option(None, "a class index that counts for nothing, neither in the sum nor in the mean")

    def check(self, prediction: Shape, target: Shape) -> None:
        if not prediction:
            raise wants(self.name, "prediction", prediction, "classes on its last axis, [..., K]")
        if target not in (prediction, prediction[:-1]):
            either = f"class indices of shape {list(prediction[:-1])} or probabilities of shape {list(prediction)}"
            raise wants(self.name, "targets", target, f"{either} in each example")
        classes = prediction[-1]
        if self.class_weights is not None and len(self.class_weights) != classes:
            raise ShapeError(f"class_weights has {len(self.class_weights)} numbers; {self.name} has {classes} classes")
        if self.ignore_index is not None and not -(2**63) <= self.ignore_index < 2**63:
            raise ShapeError("ignore_index has more than 64 bits, as no target has: leave it out")
        if target == prediction and self.ignore_index is not None and self.ignore_index >= 0:
            raise ShapeError("ignore_index is for class indices, and these targets are probabilities: leave it out")

    def targets(self, xp: Namespace, target: Array) -> Array:
        return target

    def rows(self, xp: Namespace, prediction: Array, target: Array, smoothing: float = 0.0) -> Rows:
        """t over the classes. Smoothing goes first and weights last, as torch: t = w((1 − ε)t₀ + ε/K).

        Raises DomainError for targets that are no class.
        """
        count = prediction.shape[-1]
        if target.ndim == prediction.ndim:
            t = super().targets(xp, target)
            return Rows(self._weighed(xp, _smoothed(t, smoothing, count)), xp.size(t) // count)
        check_classes(xp, self.name, target, count, self.ignore_index)
        t, kept = xp.one_hot(target, count), None
        if self.ignore_index is not None:
            kept = xp.as_float(target != self.ignore_index)[..., None]
        plain = self.class_weights is None and kept is None
        divisor = xp.size(target) if plain else xp.sum_all(self._weighed(xp, t, kept))
        return Rows(self._weighed(xp, _smoothed(t, smoothing, count), kept), divisor)

    def divisor(self, xp: Namespace, elements: Array, saved: Saved) -> Any:
        return saved.divisor

    def _weighed(self, xp: Namespace, t: Array, kept: Array | None = None) -> Array:
        if self.class_weights is not None:
            t = t * xp.asarray(np.array(self.class_weights, dtype=np.float64))
        return t if kept is None else t * kept


def _smoothed(t: Array, smoothing: float, classes: int) -> Array:
    return t if smoothing == 0 else t * (1 - smoothing) + smoothing / classes


_WEIGHTS = (0.5, 2.0, 1.0, 0.25)


@register
@dataclass(frozen=True)
class CrossEntropy(ClassLoss):
    """(Σt) logsumexp(z) − Σ t z on logits z; derivative (Σt) softargmax(z) − t.

    t is the targets' distribution over the classes, one-hot for class indices, with class weights and label smoothing
    folded in. `mean` divides by N for probabilities and by the sum of the targets' weights for indices, as torch.
    """

    name = "cross_entropy"
    formula = "(Σt) logsumexp(z) − Σ t z"
    derivative_formula = "(Σt) softargmax(z) − t"
    samples = (
        Sample(((4,), ()), draws=("uniform", "class")),
        Sample(((4,), (4,)), draws=("uniform", "simplex")),
        Sample(((4,), ()), {"class_weights": _WEIGHTS, "label_smoothing": 0.1}, draws=("uniform", "class")),
        Sample(((2, 4), (2, 4)), {"class_weights": _WEIGHTS, "label_smoothing": 0.1}, draws=("uniform", "simplex")),
        Sample(((5, 4), (5,)), {"ignore_index": 2, "scale": 0.5}, draws=("uniform", "class")),
    )

    label_smoothing: float = option(0.0, "ε, from 0 to 1: t becomes (1 − ε)t + ε/K", minimum=0)

    def check(self, prediction: Shape, target: Shape) -> None:
        super().check(prediction, target)
        if self.label_smoothing > 1:
            raise DomainError(f"label_smoothing is {self.label_smoothing:g}; it lies between 0 and 1")

    def elements(self, xp: Namespace, prediction: Array, target: Array) -> tuple[Array, Saved]:
        t, divisor, *_ = self.rows(xp, prediction, target, self.label_smoothing)
        below = prediction - xp.max(prediction, -1, keepdims=True)
        powers = xp.exp(below)
        total, mass = xp.sum(powers, -1, keepdims=True), xp.sum(t, -1, keepdims=True)
        # A logit may be −∞, as the logarithm of 0 is: where its t is 0 it adds nothing.
        value = (mass * xp.log(total))[..., 0] - xp.sum(t * xp.where(t == 0, 0.0, below), -1)
        return value, Rows(t, divisor, powers / total, mass)

    def derivative(self, xp: Namespace, saved: Saved) -> Array:
        return saved.mass * saved.p - saved.t


@register
@dataclass(frozen=True)
class NegativeLogLikelihood(ClassLoss):
    """−Σ t log p on log-probabilities, such as log_softargmax gives; derivative by log p: −t.

    0·log 0 = 0. t and `mean` as in `cross_entropy`.
    """

    name = "nll"
    formula = "−Σ t log p"
    derivative_formula = "−t"
    samples = (
        Sample(((4,), ()), draws=("log_simplex", "class")),
        Sample(((2, 4), (2, 4)), {"class_weights": _WEIGHTS}, draws=("log_simplex", "simplex")),
        Sample(
            ((5, 4), (5,)), {"class_weights": _WEIGHTS, "ignore_index": 2, "scale": 0.5}, draws=("log_simplex", "class")
        ),
    )

    def elements(self, xp: Namespace, prediction: Array, target: Array) -> tuple[Array, Saved]:
        rows = self.rows(xp, prediction, target)
        return -xp.sum(rows.t * xp.where(rows.t == 0, 0.0, prediction), -1), rows

    def derivative(self, xp: Namespace, saved: Saved) -> Array:
        return -saved.t
