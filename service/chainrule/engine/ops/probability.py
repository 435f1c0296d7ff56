"""Losses on probabilities: each element's own (binary cross-entropy), or of a distribution (Kullback–Leibler)."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, prod
from typing import Literal, NamedTuple

from chainrule.engine.backends import Array, Namespace
from chainrule.engine.errors import DomainError
from chainrule.engine.op import Sample, Saved, option
from chainrule.engine.ops.loss import Loss, first
from chainrule.engine.registry import register

LEAST_LOG = -100.0
"""torch's bound of a logarithm in its binary cross-entropy."""
LEAST_VARIANCE = 9.999999960041972e-13
"""torch's bound of ŷ(1 − ŷ) in the derivative: 1e-12, which it holds in single precision."""


class Probabilities(NamedTuple):
    """Predictions, targets, and whether any prediction is exactly 0 or 1."""

    prediction: Array
    target: Array
    saturated: bool


@register
@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """−[y log ŷ + (1 − y) log(1 − ŷ)] with 0·log 0 = 0; derivative −y/ŷ + (1 − y)/(1 − ŷ) with 0/0 = 0.

    Inside (0, 1) the derivative is (ŷ − y)/(ŷ(1 − ŷ)), which does not cancel. A ŷ outside [0, 1] is refused, and a y
    outside it warned of.
    `clamp: "torch"` for torch's numbers: logarithms at least −100, ŷ(1 − ŷ) at least 1e-12.
    """

    name = "bce"
    formula = "−[y log ŷ + (1 − y) log(1 − ŷ)]"
    derivative_formula = "(ŷ − y)/(ŷ(1 − ŷ))"
    samples = (
        Sample(((3,), (3,)), draws=("probability", "probability")),
        Sample(((2, 3), (2, 3)), {"clamp": "torch", "scale": 0.5}, draws=("probability", "probability")),
    )

    clamp: Literal["torch"] | None = option(None, '`"torch"`: log ≥ −100 and ŷ(1 − ŷ) ≥ 1e-12, as torch; else exact')

    def elements(self, xp: Namespace, prediction: Array, target: Array) -> tuple[Array, Saved]:
        saturated = self._saturated(xp, prediction)
        log_one, log_zero = xp.log(prediction), xp.log1p(-prediction)
        if self.clamp is not None:
            log_one, log_zero = xp.clip(log_one, LEAST_LOG, inf), xp.clip(log_zero, LEAST_LOG, inf)
        elif saturated:
            log_one, log_zero = xp.where(target == 0, 0.0, log_one), xp.where(target == 1, 0.0, log_zero)
        return -(target * log_one + (1 - target) * log_zero), Probabilities(prediction, target, saturated)

    def derivative(self, xp: Namespace, saved: Saved) -> Array:
        prediction, target, saturated = saved
        error, variance = prediction - target, prediction * (1 - prediction)
        if self.clamp is not None:
            return error / xp.clip(variance, LEAST_VARIANCE, inf)
        if not saturated:
            return error / variance
        # At ŷ = y = 0 and ŷ = y = 1 one term is 0/0 and the other ±1. The absolute value is for a ŷ of −0.
        return xp.where((error == 0) & (variance == 0), 1 - 2 * prediction, error / xp.abs(variance))

    def _saturated(self, xp: Namespace, prediction: Array) -> bool:
        inside = (prediction > 0) & (prediction < 1)
        if xp.count_nonzero(inside) == prod(prediction.shape):
            return False
        outside = xp.step(-prediction) + xp.step(prediction - 1) != 0
        if xp.count_nonzero(outside):
            raise DomainError(
                f"bce wants probabilities, from 0 to 1, and the prediction holds {first(xp, prediction, outside):.6g}: "
                "end the network with sigmoid, or write bce_logits for values before the sigmoid",
                operand="prediction",
            )
        return True


def derivative_by_logit(xp: Namespace, logit: Array, target: Array) -> Array:
    """σ(z) − y as (1 − y)σ(z) − yσ(−z), which keeps every digit where σ(z) rounds to 1."""
    return (1 - target) * xp.sigmoid(logit) - target * xp.sigmoid(-logit)


@register
@dataclass(frozen=True)
class BinaryCrossEntropyOnLogits(Loss):
    """`bce` of σ(z), from z: max(z, 0) − zy + log(1 + e^(−|z|)); derivative σ(z) − y, also at z = 0.

    A y outside [0, 1] is warned of.
    """

    name = "bce_logits"
    formula = "max(z, 0) − z y + log(1 + e^(−|z|))"
    derivative_formula = "σ(z) − y"
    samples = (
        Sample(((3,), (3,)), draws=("uniform", "probability")),
        Sample(((2, 3), (2, 3)), {"scale": 0.5}, draws=("uniform", "probability")),
    )

    def elements(self, xp: Namespace, prediction: Array, target: Array) -> tuple[Array, Saved]:
        # −|z| is written z − 2 max(z, 0): at 0, whatever slope a complex step takes of max(z, 0), the two cancel.
        positive = xp.relu(prediction)
        value = positive - prediction * target + xp.log1p(xp.exp(prediction - positive - positive))
        return value, (prediction, target)

    def derivative(self, xp: Namespace, saved: Saved) -> Array:
        return derivative_by_logit(xp, *saved)


@register
@dataclass(frozen=True)
class KullbackLeibler(Loss):
    """t(log t − log q), 0 at t = 0, of log-probabilities log q; derivative by log q: −t.

    The divergence is the sum over classes: `batchmean` averages it over N, `mean` divides by every element, as torch.
    A negative t, which has no logarithm, is refused.
    """

    name = "kl_div"
    formula = "t (log t − log q)"
    derivative_formula = "−t"
    samples = (
        Sample(((3,), (3,)), draws=("log_simplex", "simplex")),
        Sample(((2, 3), (2, 3)), {"scale": 0.5}, draws=("log_simplex", "simplex")),
    )

    def targets(self, xp: Namespace, target: Array) -> Array:
        t = super().targets(xp, target)
        negative = t < 0
        if xp.count_nonzero(negative):
            found = first(xp, t, negative)
            raise DomainError(f"kl_div targets are probabilities, and one is {found:.6g}", operand="targets")
        return t

    def elements(self, xp: Namespace, prediction: Array, target: Array) -> tuple[Array, Saved]:
        none = target == 0
        log_ratio = xp.log(xp.where(none, 1.0, target)) - xp.where(none, 0.0, prediction)
        return target * log_ratio, target

    def derivative(self, xp: Namespace, saved: Saved) -> Array:
        return -saved
