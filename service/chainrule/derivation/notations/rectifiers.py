"""Activations that are linear piece by piece."""

from __future__ import annotations

from math import inf

from chainrule.derivation.conditions import Between, Cases, Indicator, Relation, where
from chainrule.derivation.expressions import Expression, Number
from chainrule.derivation.functions import Absolute, Extreme, PositivePart, sign
from chainrule.derivation.indexed import Entry, deltas
from chainrule.derivation.notation import Indices, Notation, OfEach, writes
from chainrule.engine.ops.rectifiers import Abs, Clamp, Clipped, Hardtanh, Identity, LeakyRelu, Prelu, Relu, Relu6


@writes(Identity)
class OfIdentity(OfEach[Identity]):
    """s."""

    def f(self, s: Expression) -> Expression:
        return s

    def slope(self, s: Expression) -> Expression:
        return Number(1)


@writes(Relu)
class OfRelu(OfEach[Relu]):
    """c (s)⁺."""

    def f(self, s: Expression) -> Expression:
        return self.op.scale * PositivePart(s)

    def slope(self, s: Expression) -> Expression:
        return self.op.scale * where(s, ">", 0)


@writes(Relu6, Hardtanh, Clamp)
class OfClipped(OfEach[Clipped]):
    """min(max(s, low), high)."""

    def f(self, s: Expression) -> Expression:
        low, high = self.op.bounds()
        raised = s if low == -inf else Extreme("max", s, Number(low))
        return raised if high == inf else Extreme("min", raised, Number(high))

    def slope(self, s: Expression) -> Expression:
        low, high = self.op.bounds()
        if low == -inf:
            return where(s, "<", high)
        return where(s, ">", low) if high == inf else Indicator(Between(Number(low), s, Number(high)))


@writes(LeakyRelu)
class OfLeakyRelu(OfEach[LeakyRelu]):
    """s where s > 0, else slope · s."""

    title = "LeakyReLU"

    def f(self, s: Expression) -> Expression:
        return Cases(((s, Relation(s, ">", Number(0))),), self.op.slope * s)

    def slope(self, s: Expression) -> Expression:
        return Cases(((Number(1), Relation(s, ">", Number(0))),), Number(self.op.slope))


@writes(Prelu)
class OfPrelu(Notation[Prelu]):
    """s where s > 0, else a s, with a parameter a."""

    title = "PReLU"

    def entry(self, i: Indices) -> Expression:
        s = self.x(0, i)
        return Cases(((s, Relation(s, ">", Number(0))),), self._a(i) * s)

    def partial(self, which: int, i: Indices, j: Indices) -> Expression:
        s = self.x(0, i)
        if which == 0:
            return Cases(((Number(1), Relation(s, ">", Number(0))),), self._a(i)) * deltas(i, j)
        return -PositivePart(-s) * deltas(i[-1:], j) if j else -PositivePart(-s)

    def _a(self, i: Indices) -> Entry:
        return self.x(1, i[-1:] if self.op.one_per_last_axis else ())


@writes(Abs)
class OfAbs(OfEach[Abs]):
    """|s|."""

    def f(self, s: Expression) -> Expression:
        return Absolute(s)

    def slope(self, s: Expression) -> Expression:
        return sign(s)
