"""Mistakes in the loss: its value, and the derivative that goes with it or alone is wrong.

An entry yields what it makes of the value and of ∂C/∂ŷ. What differs by a constant is not here: see `constants`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.engine.errors import EngineError
from chainrule.engine.op import Op, Point
from chainrule.engine.ops.classification import ClassLoss, CrossEntropy
from chainrule.engine.ops.loss import Loss
from chainrule.engine.ops.probability import BinaryCrossEntropy, BinaryCrossEntropyOnLogits
from chainrule.engine.ops.regression import L1, SquaredError
from chainrule.engine.ops.sigmoids import Sigmoid
from chainrule.engine.ops.softmax import Softargmax
from chainrule.grading.arrays import Array
from chainrule.grading.mistakes.places import LossPlace
from chainrule.grading.mistakes.registry import Altered, Registry

loss_mistake: Registry[LossPlace] = Registry()


def right(here: LossPlace) -> Array:
    """∂C/∂ŷ by the right rule."""
    _, saved = here.op.elements(here.xp, here.prediction, here.op.targets(here.xp, here.target))
    found: Array = here.op.derivative(here.xp, saved) * here.factor
    return found


@loss_mistake(
    "swapped",
    "target and prediction are swapped in the loss",
    "The error is ŷ − y: the prediction less the target.",
)
def swapped(here: LossPlace) -> Iterator[Altered]:
    if not isinstance(here.op, ClassLoss) or here.op.name == "cross_entropy":
        yield Altered(None, derivative=-right(here))
    if isinstance(here.op, BinaryCrossEntropy):
        y, t = here.target, here.prediction
        inside = (y > 0) & (y < 1)
        if inside.all():
            value = -(t * np.log(y) + (1 - t) * np.log1p(-y))
            yield Altered(here.value(value), "as arguments", derivative=(y - t) / (y * (1 - y)) * here.factor)


@loss_mistake(
    "term_sign",
    "the sign of {detail} term of the binary cross-entropy is wrong",
    "Both terms, y log ŷ and (1 − y) log(1 − ŷ), have the same sign.",
)
def term_sign(here: LossPlace) -> Iterator[Altered]:
    if _is_inside(here):
        first, second, by_first, by_second = _terms(here)
        yield Altered(here.value(first - second), "the second", derivative=(by_first - by_second) * here.factor)
        yield Altered(here.value(second - first), "the first", derivative=(by_second - by_first) * here.factor)


@loss_mistake(
    "term_missing",
    "{detail} term of the binary cross-entropy is missing",
    "The binary cross-entropy has two terms: y log ŷ and (1 − y) log(1 − ŷ).",
)
def term_missing(here: LossPlace) -> Iterator[Altered]:
    if _is_inside(here):
        first, second, by_first, by_second = _terms(here)
        yield Altered(here.value(first), "the second", derivative=by_first * here.factor)
        yield Altered(here.value(second), "the first", derivative=by_second * here.factor)


@loss_mistake(
    "denominator_missing",
    "the denominator ŷ(1 − ŷ) of ∂C/∂ŷ is missing",
    "ŷ − y is the derivative by what goes into the sigmoid; by ŷ itself it is (ŷ − y)/(ŷ(1 − ŷ)).",
)
def denominator_missing(here: LossPlace) -> Iterator[Altered]:
    if isinstance(here.op, BinaryCrossEntropy):
        yield Altered(None, derivative=(here.prediction - here.target) * here.factor)


@loss_mistake(
    "denominator_wrong",
    "the denominator of ∂C/∂ŷ is {detail}",
    "It is ŷ(1 − ŷ).",
)
def denominator_wrong(here: LossPlace) -> Iterator[Altered]:
    if _is_inside(here):
        p, error = here.prediction, here.prediction - here.target
        yield Altered(None, "ŷ", derivative=error / p * here.factor)
        yield Altered(None, "1 − ŷ", derivative=error / (1 - p) * here.factor)
        yield Altered(None, "ŷ(1 + ŷ)", derivative=error / (p * (1 + p)) * here.factor)
        yield Altered(None, "1 + ŷ", derivative=error / (1 + p) * here.factor)
        if (error != 0).all():
            yield Altered(None, "ŷ(ŷ − y)", derivative=here.factor / p)


@loss_mistake(
    "targets_missing",
    "∂C/∂ŷ leaves the targets out: it is softargmax(z) alone",
    "∂C/∂z is softargmax(z) − t.",
)
def targets_missing(here: LossPlace) -> Iterator[Altered]:
    if isinstance(here.op, CrossEntropy):
        yield Altered(None, derivative=here.xp.softargmax(here.prediction, -1) * here.factor)
    elif isinstance(here.op, BinaryCrossEntropyOnLogits):
        yield Altered(None, derivative=here.xp.sigmoid(here.prediction) * here.factor)


@loss_mistake(
    "activation_missing_in_loss",
    "∂C/∂z is z − t: the {detail} that belongs to this loss is missing",
    "The loss is on logits: it applies the activation itself, and so does its derivative.",
)
def activation_missing_in_loss(here: LossPlace) -> Iterator[Altered]:
    if isinstance(here.op, CrossEntropy):
        _, saved = here.op.elements(here.xp, here.prediction, here.target)
        yield Altered(None, "softargmax", derivative=(here.prediction - saved.t) * here.factor)
    elif isinstance(here.op, BinaryCrossEntropyOnLogits):
        yield Altered(None, "sigmoid", derivative=(here.prediction - here.target) * here.factor)


@loss_mistake(
    "root",
    "the loss is the norm of the error instead of its square",
    "The squared error has no square root.",
)
def root(here: LossPlace) -> Iterator[Altered]:
    if isinstance(here.op, SquaredError) and here.op.reduction != "none":
        error = here.prediction - here.target
        total = (error * error).sum() * here.factor
        if total > 0:
            yield Altered(np.sqrt(total), derivative=error * here.factor / np.sqrt(total))
            if here.factor != 1:
                norm = np.sqrt((error * error).sum())
                yield Altered(norm, "unreduced", derivative=error / norm)


@loss_mistake(
    "other_loss",
    "this is {detail}",
    "Check which loss the problem asks for.",
)
def other_loss(here: LossPlace) -> Iterator[Altered]:
    if isinstance(here.op, ClassLoss) or not here.has_probabilities:
        return
    for name, op in (("squared error", SquaredError()), ("absolute error", L1()), ("bce", BinaryCrossEntropy())):
        if isinstance(here.op, type(op)):
            continue
        found = _other(here, op)
        if found is not None:
            yield Altered(found.array, name, derivative=found.derivative)


@loss_mistake(
    "activation_twice",
    "the loss applies {detail} again to what it is given",
    "ŷ has been through the activation already.",
)
def activation_twice(here: LossPlace) -> Iterator[Altered]:
    yield from _applied_before(here)
    op = here.output_op
    if op is None or op.family != "activation" or op.name == "identity":
        return
    again, _ = op.forward(here.xp, here.prediction, *here.output_parameters)
    found = _other(here, here.op, again) if again.shape == here.prediction.shape else None
    if found is not None:
        yield Altered(found.array, op.name, derivative=found.derivative)


def _applied_before(here: LossPlace) -> Iterator[Altered]:
    """The activation that a loss on logits has in itself, applied to the logits before it: with the derivative by the
    logits, and with that by what was handed to the loss."""
    inner: Op | None = Softargmax() if isinstance(here.op, CrossEntropy) else None
    inner = Sigmoid() if isinstance(here.op, BinaryCrossEntropyOnLogits) else inner
    if inner is None:
        return
    p, saved = inner.forward(here.xp, here.prediction)
    found = _other(here, here.op, p)
    if found is not None:
        point = Point((here.prediction,), p, saved)
        (by_logits,) = inner.vjp(here.xp, found.derivative, point, (True,))
        yield Altered(found.array, inner.name, derivative=by_logits)
        yield Altered(found.array, inner.name, derivative=found.derivative)


def _other(here: LossPlace, op: Loss, prediction: object = None) -> Altered | None:
    """Another loss, or this one of another prediction, reduced as this one is; None outside its domain."""
    at = here.prediction if prediction is None else prediction
    try:
        elements, saved = op.elements(here.xp, at, op.targets(here.xp, here.target))
    except EngineError:
        return None
    return Altered(here.value(elements), derivative=op.derivative(here.xp, saved) * here.factor)


def _is_inside(here: LossPlace) -> bool:
    p = here.prediction
    return isinstance(here.op, BinaryCrossEntropy) and bool(((p > 0) & (p < 1)).all())


def _terms(here: LossPlace) -> tuple[Array, ...]:
    """The two terms of the binary cross-entropy, and their derivatives by ŷ."""
    p, y = here.prediction, here.target
    return -y * np.log(p), -(1 - y) * np.log1p(-p), -y / p, (1 - y) / (1 - p)
