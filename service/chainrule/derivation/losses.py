"""What all losses share on paper: the sum over elements and examples, and what the reduction makes of it."""

from __future__ import annotations

from abc import abstractmethod
from typing import TypeVar

from chainrule.derivation.expressions import Expression, Negative, Number, mul, negative
from chainrule.derivation.indexed import Index, OverBatch, deltas, summed
from chainrule.derivation.notation import Indices, Notation
from chainrule.engine.ops.loss import Loss

AnyLoss = TypeVar("AnyLoss", bound=Loss)


class OfLoss(Notation[AnyLoss]):
    """C = factor · Σ over examples and elements."""

    @abstractmethod
    def of_element(self, i: Indices) -> Expression:
        """The value of the element at i."""

    @abstractmethod
    def of_derivative(self, i: Indices, j: Indices) -> Expression:
        """The derivative of the element at i by the prediction's entry at j, where the two belong together; what
        does not belong together is not asked for."""

    def entry(self, i: Indices) -> Expression:
        if self.op.reduction == "none":
            return self.op.scale * self.of_element(i)
        return self.factor() * self._over_examples(self.total())

    def partial(self, which: int, i: Indices, j: Indices) -> Expression:
        own = tuple(j[: len(self.elements)])
        if self.op.reduction == "none":
            return self.op.scale * self.of_derivative(i, j) * deltas(i, own)
        return self.factor() * self.of_derivative(own, j)

    def whole(self) -> Expression:
        return self.entry(()) if self.op.reduction != "none" else super().whole()

    @property
    def elements(self) -> tuple[int, ...]:
        """The shape of one example's elements."""
        shape = self.at.input_shapes[0]
        return shape[:-1] if self.op.rowwise else shape

    def total(self) -> Expression:
        """The sum of one example's elements."""
        i = self.indices()
        return summed(i, self.of_element(i))

    def indices(self) -> tuple[Index, ...]:
        """An index for each axis of the elements."""
        return self.at.indices(self.elements)

    def factor(self) -> Expression:
        """What the sum is multiplied by."""
        scale = Number(self.op.scale)
        if self.op.reduction == "mean":
            return scale if self.divides_by == Number(1) else scale_over(scale, self.divides_by)
        if self.op.reduction == "batchmean" and self.at.batch is not None:
            return scale_over(scale, self.at.batch)
        return scale

    @property
    def divides_by(self) -> Expression:
        """What `mean` divides by: the number of all elements."""
        lengths = [self.at.size(length) for length in self.elements if length != 1]
        return mul(*([self.at.batch] if self.at.batch is not None else []), *lengths)

    def _over_examples(self, total: Expression) -> Expression:
        if self.at.batch is None:
            return total
        if isinstance(total, Negative):
            return negative(self._over_examples(total.of))
        return OverBatch(self.at.letters.free("m"), self.at.batch, total)


def scale_over(scale: Number, divisor: Expression) -> Expression:
    """scale/divisor."""
    return Number(1) / divisor if scale == Number(1) else scale / divisor


class OfEachElement(OfLoss[AnyLoss]):
    """A loss of each number of the prediction alone: it states an element's value and derivative."""

    @abstractmethod
    def element(self, prediction: Expression, target: Expression) -> Expression:
        """The value."""

    @abstractmethod
    def slope(self, prediction: Expression, target: Expression) -> Expression:
        """Its derivative by the prediction."""

    def of_element(self, i: Indices) -> Expression:
        return self.element(self.x(0, i), self.x(1, i))

    def of_derivative(self, i: Indices, j: Indices) -> Expression:
        return self.slope(self.x(0, j), self.x(1, j))
