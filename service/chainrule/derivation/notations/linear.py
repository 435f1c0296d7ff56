"""The affine map."""

from __future__ import annotations

from chainrule.derivation.expressions import Expression
from chainrule.derivation.functions import Matmul, Transposed
from chainrule.derivation.indexed import Entry, deltas, summed
from chainrule.derivation.notation import Indices, Notation, Outer, writes
from chainrule.engine.ops.linear import Linear


@writes(Linear)
class OfLinear(Notation[Linear]):
    """W x + b for a vector x; with more axes X Wᵀ + b, each row of X a vector."""

    def entry(self, i: Indices) -> Expression:
        (k,) = self.at.indices(self.at.input_shapes[0][-1:], *i)
        product = summed((k,), self._weight(i[-1], k) * self.x(0, (*i[:-1], k)))
        return product + self.x(2, i[-1:]) if self._has_bias else product

    def partial(self, which: int, i: Indices, j: Indices) -> Expression:
        if which == 0:
            return deltas(i[:-1], j[:-1]) * self._weight(i[-1], j[-1])
        if which == 2:
            return deltas(i[-1:], j)
        out, into = reversed(j) if self._flipped else j
        return deltas(i[-1:], (out,)) * self.x(0, (*i[:-1], into))

    def whole(self) -> Expression:
        x, weight, *bias = self.at.inputs
        if self._of_vector:
            product = Matmul(Transposed(weight) if self._flipped else weight, x)
        else:
            product = Matmul(x, weight if self._flipped else Transposed(weight))
        return product + bias[0] if bias else product

    def matrix(self, which: int) -> Expression | None:
        if which != 0 or not self._of_vector:
            return None
        return Transposed(self.at.inputs[1]) if self._flipped else self.at.inputs[1]

    def outer(self, which: int) -> Outer | None:
        return Outer(self.at.inputs[0], self._flipped) if which == 1 and self._of_vector else None

    def passes_on(self, which: int) -> bool:
        return which == 2 and self._of_vector

    @property
    def _of_vector(self) -> bool:
        return len(self.at.input_shapes[0]) == 1

    @property
    def _flipped(self) -> bool:
        return self.op.weight_layout == "in_out"

    @property
    def _has_bias(self) -> bool:
        return len(self.at.inputs) == 3

    def _weight(self, out: Expression, into: Expression) -> Entry:
        return self.x(1, (into, out) if self._flipped else (out, into))
