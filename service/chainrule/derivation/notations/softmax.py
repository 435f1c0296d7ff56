"""Softargmax and what belongs to it: its logarithm, and the soft maximum whose gradient it is."""

from __future__ import annotations

from chainrule.derivation.expressions import Expression, Quotient
from chainrule.derivation.functions import exp, log
from chainrule.derivation.indexed import Delta, deltas, summed
from chainrule.derivation.notation import Indices, Notation, writes
from chainrule.engine.ops.softmax import LogSoftargmax, LogSumExp, Softargmax


class _AlongRows(Notation[Softargmax | LogSoftargmax | LogSumExp]):
    """An op along the last axis."""

    def power(self, row: Indices, k: Expression) -> Expression:
        """e^(βsₖ)."""
        return exp(self.op.beta * self.x(0, (*row, k)))

    def total(self, row: Indices, *used: Expression) -> Expression:
        """Σₖ e^(βsₖ)."""
        (k,) = self.at.indices(self.at.input_shapes[0][-1:], *row, *used)
        return summed((k,), self.power(row, k))


@writes(Softargmax)
class OfSoftargmax(_AlongRows):
    """e^(βsᵢ)/Σ e^(βs)."""

    title = "softargmax"

    def entry(self, i: Indices) -> Expression:
        return Quotient(self.power(i[:-1], i[-1]), self.total(i[:-1], *i))

    def partial(self, which: int, i: Indices, j: Indices) -> Expression:
        other = self.y((*i[:-1], j[-1]))
        return self.op.beta * self.y(i) * (Delta(i[-1], j[-1]) - other) * deltas(i[:-1], j[:-1])


@writes(LogSoftargmax)
class OfLogSoftargmax(_AlongRows):
    """βsᵢ − log Σ e^(βs)."""

    title = "logsoftargmax"

    def entry(self, i: Indices) -> Expression:
        return self.op.beta * self.x(0, i) - log(self.total(i[:-1], *i))

    def partial(self, which: int, i: Indices, j: Indices) -> Expression:
        other = exp(self.y((*i[:-1], j[-1])))
        return self.op.beta * (Delta(i[-1], j[-1]) - other) * deltas(i[:-1], j[:-1])


@writes(LogSumExp)
class OfLogSumExp(_AlongRows):
    """log(Σ e^(βs))/β."""

    title = "logsumexp"

    def entry(self, i: Indices) -> Expression:
        return log(self.total(i)) / self.op.beta

    def partial(self, which: int, i: Indices, j: Indices) -> Expression:
        return Quotient(self.power(i, j[-1]), self.total(i, *j)) * deltas(i, j[:-1])
