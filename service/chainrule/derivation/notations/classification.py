"""Losses on classes, which lie on the last axis.

t is the targets' distribution over the classes, with class weights and label smoothing folded in. Where it is one-hot
and nothing is folded in, the class itself is written in its place: z_y for Σ t z.
"""

from __future__ import annotations

from typing import TypeVar

from chainrule.derivation.conditions import where
from chainrule.derivation.expressions import Expression, Number, Quotient
from chainrule.derivation.functions import exp, log
from chainrule.derivation.indexed import Defined, Index, OverBatch, summed
from chainrule.derivation.losses import OfLoss
from chainrule.derivation.notation import Indices, writes
from chainrule.derivation.vectors import Vector
from chainrule.engine.ops.classification import ClassLoss, CrossEntropy, NegativeLogLikelihood

AnyClassLoss = TypeVar("AnyClassLoss", bound=ClassLoss)


class OfClassLoss(OfLoss[AnyClassLoss]):
    """A loss on classes: rows of K logits, or log-probabilities, and for each row a class or a distribution."""

    def indicates(self) -> bool:
        """Whether the targets are class indices."""
        return len(self.at.input_shapes[1]) < len(self.at.input_shapes[0])

    def plain(self) -> bool:
        """Whether t is one-hot, with nothing folded in."""
        return self.indicates() and self._weights() is None and self.op.ignore_index is None and not self._smoothing()

    def classes(self, *used: Expression) -> Index:
        """An index over the classes."""
        return self.at.indices(self.at.input_shapes[0][-1:], *used)[0]

    def t(self, row: Indices, k: Expression) -> Expression:
        """The target's share of class k."""
        if self.plain():
            return where(self.x(1, row), "=", k)
        t: Expression = where(self.x(1, row), "=", k) if self.indicates() else self.x(1, (*row, k))
        if smoothing := self._smoothing():
            t = (1 - smoothing) * t + Number(smoothing) / self.at.size(self.at.input_shapes[0][-1])
        t = self._weight(k) * t if self._weights() is not None else t
        if not self.indicates() and t == self.x(1, (*row, k)):
            return t
        t = t * self._kept(row) if self.op.ignore_index is not None and self.indicates() else t
        return Defined(self.at.letters.free("t"), (*row, k), t)

    def z(self, row: Indices, k: Expression) -> Expression:
        """An entry of the prediction."""
        return self.x(0, (*row, k))

    @property
    def divides_by(self) -> Expression:
        if not self.indicates() or (self._weights() is None and self.op.ignore_index is None):
            return super().divides_by
        row = self.indices()
        weight = self._weight(self.x(1, row)) if self._weights() is not None else Number(1)
        total = summed(row, weight * self._kept(row) if self.op.ignore_index is not None else weight)
        if self.at.batch is not None:
            total = OverBatch(self.at.letters.free("m"), self.at.batch, total)
        return Defined(self.at.letters.free("D"), (), total)

    def _smoothing(self) -> float:
        return getattr(self.op, "label_smoothing", 0.0)

    def _kept(self, row: Indices) -> Expression:
        return where(self.x(1, row), "!=", self.op.ignore_index or 0)

    def _weights(self) -> tuple[float, ...] | None:
        return self.op.class_weights

    def _weight(self, k: Expression) -> Expression:
        weights = Vector(self.at.letters.free("w"), self._weights() or ())
        return weights.entry(k)


@writes(CrossEntropy)
class OfCrossEntropy(OfClassLoss[CrossEntropy]):
    """(Σt) log Σ e^z − Σ t z."""

    def of_element(self, i: Indices) -> Expression:
        k = self.classes(*i)
        logsumexp = log(summed((k,), exp(self.z(i, k))))
        if self.plain():
            return logsumexp - self.z(i, self.x(1, i))
        return self._mass(i) * logsumexp - summed((k,), self.t(i, k) * self.z(i, k))

    def of_derivative(self, i: Indices, j: Indices) -> Expression:
        k = j[-1]
        (other,) = self.at.indices(self.at.input_shapes[0][-1:], *i, *j)
        share = Quotient(exp(self.z(i, k)), summed((other,), exp(self.z(i, other))))
        return self._mass(i, *j) * Defined(self.at.letters.free("p"), (*i, k), share) - self.t(i, k)

    def _mass(self, row: Indices, *used: Expression) -> Expression:
        """Σt."""
        if self.plain():
            return Number(1)
        k = self.classes(*row, *used)
        return summed((k,), self.t(row, k))


@writes(NegativeLogLikelihood)
class OfNegativeLogLikelihood(OfClassLoss[NegativeLogLikelihood]):
    """−Σ t log p."""

    def of_element(self, i: Indices) -> Expression:
        k = self.classes(*i)
        return -self.z(i, self.x(1, i)) if self.plain() else -summed((k,), self.t(i, k) * self.z(i, k))

    def of_derivative(self, i: Indices, j: Indices) -> Expression:
        return -self.t(i, j[-1])
