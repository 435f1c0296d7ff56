"""The matrix product."""

from __future__ import annotations

from chainrule.derivation.expressions import Expression, Number
from chainrule.derivation.functions import Matmul as MatmulExpression
from chainrule.derivation.functions import Transposed
from chainrule.derivation.indexed import deltas, summed
from chainrule.derivation.notation import Indices, Notation, Outer, writes
from chainrule.engine.backends import Shape
from chainrule.engine.ops.products import Matmul


@writes(Matmul)
class OfMatmul(Notation[Matmul]):
    """A B; a vector stands for one row as A and for one column as B."""

    def entry(self, i: Indices) -> Expression:
        (k,) = self.at.indices(self.op.a[-1:], *i)
        return summed((k,), self.x(0, self._of_a(i, k)) * self.x(1, self._of_b(i, k)))

    def partial(self, which: int, i: Indices, j: Indices) -> Expression:
        own = self.op.b if which else self.op.a
        k = j[-2] if which and len(own) > 1 else j[-1]
        wanted = self._of_b(i, k) if which else self._of_a(i, k)
        met = [(a, b) for a, b, length in zip(wanted, j, own, strict=True) if length > 1 and a != b]
        other = self.x(0, self._of_a(i, k)) if which else self.x(1, self._of_b(i, k))
        return other * deltas([a for a, _ in met], [b for _, b in met])

    def whole(self) -> Expression:
        a, b = self.at.inputs
        return MatmulExpression(Transposed(a) if len(self.op.a) == 1 else a, b)

    def matrix(self, which: int) -> Expression | None:
        a, b = self.at.inputs
        if which == 1 and (len(self.op.a), len(self.op.b)) == (2, 1):
            return a
        return Transposed(b) if which == 0 and (len(self.op.a), len(self.op.b)) == (1, 2) else None

    def outer(self, which: int) -> Outer | None:
        a, b = self.at.inputs
        if which == 0 and (len(self.op.a), len(self.op.b)) == (2, 1):
            return Outer(b)
        return Outer(a, flipped=True) if which == 1 and (len(self.op.a), len(self.op.b)) == (1, 2) else None

    def _of_a(self, i: Indices, k: Expression) -> list[Expression]:
        """Where in A the terms of the entry at i are."""
        if len(self.op.a) == 1:
            return [k]
        stacked, row = self._split(i)
        return [*_stack(self.op.a[:-2], stacked), row, k]

    def _of_b(self, i: Indices, k: Expression) -> list[Expression]:
        if len(self.op.b) == 1:
            return [k]
        stacked = i[: len(i) - 1 - (len(self.op.a) > 1)]
        return [*_stack(self.op.b[:-2], stacked), k, i[-1]]

    def _split(self, i: Indices) -> tuple[Indices, Expression]:
        """The indices before the matrix, and that of its row."""
        at = len(i) - 1 - (len(self.op.b) > 1)
        return i[:at], i[at]


def _stack(lengths: Shape, stacked: Indices) -> list[Expression]:
    """Which of an operand's matrices: the first wherever it has one for all."""
    own = stacked[len(stacked) - len(lengths) :]
    return [Number(0) if length == 1 else index for index, length in zip(own, lengths, strict=True)]
