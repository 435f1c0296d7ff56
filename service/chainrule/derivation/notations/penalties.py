"""Penalties on parameters, and the sum that the loss and they make."""

from __future__ import annotations

from abc import abstractmethod
from typing import TypeVar

from chainrule.derivation.expressions import Expression, Number, add
from chainrule.derivation.functions import Absolute, sign
from chainrule.derivation.indexed import summed
from chainrule.derivation.notation import Indices, Notation, writes
from chainrule.engine.ops.penalties import L1Penalty, L2Penalty, Penalty, Total

AnyPenalty = TypeVar("AnyPenalty", bound=Penalty)


class OfPenalty(Notation[AnyPenalty]):
    """λ Σ f(w)."""

    @abstractmethod
    def f(self, w: Expression) -> Expression:
        """The function of each number."""

    @abstractmethod
    def slope(self, w: Expression) -> Expression:
        """f'(w)."""

    def entry(self, i: Indices) -> Expression:
        terms = []
        for which, shape in enumerate(self.at.input_shapes):
            indices = self.at.indices(shape)
            terms.append(self.op.scale * summed(indices, self.f(self.x(which, indices))))
        return add(*terms)

    def partial(self, which: int, i: Indices, j: Indices) -> Expression:
        return self.op.scale * self.slope(self.x(which, j))

    def whole(self) -> Expression:
        return self.entry(())


@writes(L1Penalty)
class OfL1Penalty(OfPenalty[L1Penalty]):
    """λ Σ|w|."""

    def f(self, w: Expression) -> Expression:
        return Absolute(w)

    def slope(self, w: Expression) -> Expression:
        return sign(w)


@writes(L2Penalty)
class OfL2Penalty(OfPenalty[L2Penalty]):
    """λ Σ w²."""

    def f(self, w: Expression) -> Expression:
        return w**2

    def slope(self, w: Expression) -> Expression:
        return 2 * w


@writes(Total)
class OfTotal(Notation[Total]):
    """The loss on the data and every penalty added up."""

    def entry(self, i: Indices) -> Expression:
        return add(*(self.x(which, ()) for which in range(len(self.at.inputs))))

    def partial(self, which: int, i: Indices, j: Indices) -> Expression:
        return Number(1)

    def whole(self) -> Expression:
        return self.entry(())

    def passes_on(self, which: int) -> bool:
        return True
