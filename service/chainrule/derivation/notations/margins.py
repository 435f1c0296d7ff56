"""Losses that ask for a margin and are content beyond it."""

from __future__ import annotations

from chainrule.derivation.conditions import where
from chainrule.derivation.expressions import Expression, Number
from chainrule.derivation.functions import PositivePart
from chainrule.derivation.indexed import Defined, summed
from chainrule.derivation.losses import OfEachElement, OfLoss
from chainrule.derivation.notation import Indices, writes
from chainrule.engine.ops.margins import Hinge, MulticlassHinge


@writes(Hinge)
class OfHinge(OfEachElement[Hinge]):
    """max(0, m − y ŷ)."""

    def element(self, prediction: Expression, target: Expression) -> Expression:
        return PositivePart(self.op.margin - target * prediction)

    def slope(self, prediction: Expression, target: Expression) -> Expression:
        return -target * where(target * prediction, "<", self.op.margin)


@writes(MulticlassHinge)
class OfMulticlassHinge(OfLoss[MulticlassHinge]):
    """Σ over the classes but the target of max(0, m − z_y + z)ᵖ."""

    def of_element(self, i: Indices) -> Expression:
        (k,) = self.at.indices(self.at.input_shapes[0][-1:], *i)
        return self._each() * summed((k,), where(k, "!=", self.x(1, i)) * PositivePart(self._short(i, k)) ** self.op.p)

    def of_derivative(self, i: Indices, j: Indices) -> Expression:
        (k,) = self.at.indices(self.at.input_shapes[0][-1:], *i, *j)
        own = where(j[-1], "=", self.x(1, i))
        return self._each() * (self._rising(i, j[-1]) - own * summed((k,), self._rising(i, k)))

    def _each(self) -> Expression:
        return 1 / self.at.size(self.at.input_shapes[0][-1]) if self.op.divide_by_classes else Number(1)

    def _short(self, row: Indices, k: Expression) -> Expression:
        return self.op.margin - self.x(0, (*row, self.x(1, row))) + self.x(0, (*row, k))

    def _rising(self, row: Indices, k: Expression) -> Expression:
        """The derivative of class k's term by its own z."""
        short = self._short(row, k)
        rising = where(short, ">", 0) if self.op.p == 1 else 2 * PositivePart(short)
        return Defined(self.at.letters.free("g"), (*row, k), where(k, "!=", self.x(1, row)) * rising)
