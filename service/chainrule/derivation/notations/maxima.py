"""The hard maximum: over axes of one value, and of two values."""

from __future__ import annotations

from chainrule.derivation.conditions import where
from chainrule.derivation.expressions import Expression, Number
from chainrule.derivation.functions import Extreme
from chainrule.derivation.indexed import Index, Over, deltas, summed
from chainrule.derivation.notation import Indices, Notation, writes
from chainrule.derivation.over_axes import kept_axes, placed
from chainrule.engine.ops.maxima import Max, Maximum


@writes(Max)
class OfMax(Notation[Max]):
    """max x over axes."""

    def entry(self, i: Indices) -> Expression:
        over = self._over(*i)
        x = self.x(0, placed(self.op, self.at.input_shapes[0], i, over))
        return Over("max", over, x) if over else x

    def partial(self, which: int, i: Indices, j: Indices) -> Expression:
        shape, over = self.at.input_shapes[0], self._over(*i, *j)
        kept = kept_axes(self.op, shape)
        places = [i[axis] for axis in kept] if self.op.keepdims else list(i)
        own = deltas(places, [j[axis] for axis in kept])
        if not over:
            return own
        largest = where(self.x(0, j), "=", self.y(i))
        others = summed(over, where(self.x(0, placed(self.op, shape, i, over)), "=", self.y(i)))
        return largest / others * own

    def _over(self, *used: Expression) -> tuple[Index, ...]:
        shape = self.at.input_shapes[0]
        kept = kept_axes(self.op, shape)
        return self.at.indices(tuple(length for axis, length in enumerate(shape) if axis not in kept), *used)


@writes(Maximum)
class OfMaximum(Notation[Maximum]):
    """max(a, b), element by element."""

    def entry(self, i: Indices) -> Expression:
        return Extreme("max", self.x(0, i), self.x(1, i))

    def partial(self, which: int, i: Indices, j: Indices) -> Expression:
        own, other = self.x(which, i), self.x(1 - which, i)
        return (where(own, ">", other) + Number(1) / 2 * where(own, "=", other)) * deltas(i, j)

    def whole(self) -> Expression:
        return Extreme("max", *self.at.inputs)
