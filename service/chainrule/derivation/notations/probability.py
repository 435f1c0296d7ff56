"""Losses on probabilities: each element's own (binary cross-entropy), or of a distribution (Kullback–Leibler)."""

from __future__ import annotations

from chainrule.derivation.expressions import Expression, Number
from chainrule.derivation.functions import Absolute, Extreme, PositivePart, exp, log, sigma
from chainrule.derivation.losses import OfEachElement
from chainrule.derivation.notation import writes
from chainrule.engine.ops.probability import (
    LEAST_LOG,
    LEAST_VARIANCE,
    BinaryCrossEntropy,
    BinaryCrossEntropyOnLogits,
    KullbackLeibler,
)


@writes(BinaryCrossEntropy)
class OfBinaryCrossEntropy(OfEachElement[BinaryCrossEntropy]):
    """−[y log ŷ + (1 − y) log(1 − ŷ)]."""

    def element(self, prediction: Expression, target: Expression) -> Expression:
        one, zero = self._log(prediction), self._log(1 - prediction)
        return -(target * one + (1 - target) * zero)

    def slope(self, prediction: Expression, target: Expression) -> Expression:
        variance = prediction * (1 - prediction)
        if self.op.clamp is not None:
            variance = Extreme("max", variance, Number(LEAST_VARIANCE))
        return (prediction - target) / variance

    def _log(self, probability: Expression) -> Expression:
        found = log(probability)
        return found if self.op.clamp is None else Extreme("max", found, Number(LEAST_LOG))


@writes(BinaryCrossEntropyOnLogits)
class OfBinaryCrossEntropyOnLogits(OfEachElement[BinaryCrossEntropyOnLogits]):
    """max(z, 0) − z y + log(1 + e^(−|z|))."""

    def element(self, prediction: Expression, target: Expression) -> Expression:
        return PositivePart(prediction) - prediction * target + log(1 + exp(-Absolute(prediction)))

    def slope(self, prediction: Expression, target: Expression) -> Expression:
        return sigma(prediction) - target


@writes(KullbackLeibler)
class OfKullbackLeibler(OfEachElement[KullbackLeibler]):
    """t(log t − log q) of log-probabilities log q."""

    def element(self, prediction: Expression, target: Expression) -> Expression:
        return target * (log(target) - prediction)

    def slope(self, prediction: Expression, target: Expression) -> Expression:
        return -target
