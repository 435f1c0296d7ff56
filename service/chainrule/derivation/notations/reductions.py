"""Sums and means over axes of one example."""

from __future__ import annotations

from chainrule.derivation.expressions import Expression, Number, mul
from chainrule.derivation.indexed import deltas, summed
from chainrule.derivation.notation import Indices, Notation, writes
from chainrule.derivation.over_axes import kept_axes, placed
from chainrule.engine.ops.reductions import Mean, Reduction, Sum


@writes(Sum, Mean)
class OfReduction(Notation[Reduction]):
    """Σ x over axes, and for the mean divided by how many there are."""

    def entry(self, i: Indices) -> Expression:
        shape = self.at.input_shapes[0]
        gone = tuple(length for axis, length in enumerate(shape) if axis not in kept_axes(self.op, shape))
        over = self.at.indices(gone, *i)
        return self._share() * summed(over, self.x(0, placed(self.op, shape, i, over)))

    def partial(self, which: int, i: Indices, j: Indices) -> Expression:
        kept = kept_axes(self.op, self.at.input_shapes[0])
        places = [i[axis] for axis in kept] if self.op.keepdims else list(i)
        return self._share() * deltas(places, [j[axis] for axis in kept])

    def whole(self) -> Expression:
        return self.entry(()) if not self.at.shape else super().whole()

    def _share(self) -> Expression:
        if self.op.factor() is None:
            return Number(1)
        shape = self.at.input_shapes[0]
        gone = [length for axis, length in enumerate(shape) if axis not in kept_axes(self.op, shape) and length > 1]
        return 1 / mul(*map(self.at.size, gone)) if gone else Number(1)
