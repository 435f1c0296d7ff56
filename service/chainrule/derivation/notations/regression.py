"""Losses on the error ŷ − y of every element."""

from __future__ import annotations

from chainrule.derivation.conditions import Cases, Relation
from chainrule.derivation.expressions import Expression, Number
from chainrule.derivation.functions import Absolute, SquaredNorm, sign
from chainrule.derivation.losses import OfEachElement
from chainrule.derivation.notation import writes
from chainrule.engine.ops.regression import L1, Huber, MeanSquaredError, SmoothL1, SquaredError


@writes(SquaredError, MeanSquaredError)
class OfSquaredError(OfEachElement[SquaredError]):
    """(ŷ − y)², all together ‖ŷ − y‖²."""

    def element(self, prediction: Expression, target: Expression) -> Expression:
        return (prediction - target) ** 2

    def slope(self, prediction: Expression, target: Expression) -> Expression:
        return 2 * (prediction - target)

    def total(self) -> Expression:
        prediction, target = self.at.inputs
        return SquaredNorm(prediction - target) if len(self.at.input_shapes[0]) == 1 else super().total()


@writes(L1)
class OfL1(OfEachElement[L1]):
    """|ŷ − y|."""

    def element(self, prediction: Expression, target: Expression) -> Expression:
        return Absolute(prediction - target)

    def slope(self, prediction: Expression, target: Expression) -> Expression:
        return sign(prediction - target)


@writes(Huber)
class OfHuber(OfEachElement[Huber]):
    """(ŷ − y)²/2 near 0, else a line."""

    def element(self, prediction: Expression, target: Expression) -> Expression:
        error, delta = prediction - target, self.op.delta
        line = delta * (Absolute(error) - Number(delta) / 2)
        return Cases(((error**2 / 2, _near(error, delta)),), line)

    def slope(self, prediction: Expression, target: Expression) -> Expression:
        error = prediction - target
        return Cases(((error, _near(error, self.op.delta)),), self.op.delta * sign(error))


@writes(SmoothL1)
class OfSmoothL1(OfEachElement[SmoothL1]):
    """(ŷ − y)²/(2β) near 0, else |ŷ − y| − β/2."""

    def element(self, prediction: Expression, target: Expression) -> Expression:
        error, beta = prediction - target, Number(self.op.beta)
        return Cases(((error**2 / (2 * beta), _near(error, self.op.beta)),), Absolute(error) - beta / 2)

    def slope(self, prediction: Expression, target: Expression) -> Expression:
        error = prediction - target
        return Cases(((error / self.op.beta, _near(error, self.op.beta)),), sign(error))


def _near(error: Expression, bound: float) -> Relation:
    return Relation(Absolute(error), "<=", Number(bound))
