"""Sums, differences and products, element by element, of operands that broadcast."""

from __future__ import annotations

from abc import abstractmethod
from typing import TypeVar

from chainrule.derivation.expressions import Expression, Number, add
from chainrule.derivation.functions import Hadamard
from chainrule.derivation.indexed import deltas
from chainrule.derivation.notation import Indices, Notation, writes
from chainrule.engine.ops.arithmetic import Add, Broadcasting, Mul, Scale, Sub

AnyBroadcasting = TypeVar("AnyBroadcasting", bound=Broadcasting)


class OfBroadcasting(Notation[AnyBroadcasting]):
    """f of operands that are repeated to one shape."""

    @abstractmethod
    def combine(self, operands: list[Expression]) -> Expression:
        """The function of one number of each."""

    @abstractmethod
    def slope(self, which: int, i: Indices) -> Expression:
        """The derivative of the entry at i by what one of the operands has there."""

    def entry(self, i: Indices) -> Expression:
        return self.combine(self._operands(i))

    def partial(self, which: int, i: Indices, j: Indices) -> Expression:
        shape = self.at.input_shapes[which]
        own = i[len(i) - len(shape) :]
        met = [(a, b) for a, b, length in zip(own, j, shape, strict=True) if length > 1]
        return self.slope(which, i) * deltas([a for a, _ in met], [b for _, b in met])

    def passes_on(self, which: int) -> bool:
        unrepeated = self.at.input_shapes[which] == self.at.shape
        return unrepeated and self.slope(which, self.at.indices(self.at.shape)) == Number(1)

    def _operands(self, i: Indices) -> list[Expression]:
        return [self.operand(which, i) for which in range(len(self.at.inputs))]

    def operand(self, which: int, i: Indices) -> Expression:
        """What an operand has where the entry at i is."""
        shape = self.at.input_shapes[which]
        own = zip(i[len(i) - len(shape) :], shape, strict=True)
        return self.x(which, [Number(0) if length == 1 else index for index, length in own])


@writes(Add)
class OfAdd(OfBroadcasting[Add]):
    """x₀ + x₁ + …"""

    def combine(self, operands: list[Expression]) -> Expression:
        return add(*operands)

    def slope(self, which: int, i: Indices) -> Expression:
        return Number(1)

    def whole(self) -> Expression:
        return add(*self.at.inputs) if _level(self.at.input_shapes) else super().whole()


@writes(Sub)
class OfSub(OfBroadcasting[Sub]):
    """a − b."""

    def combine(self, operands: list[Expression]) -> Expression:
        return operands[0] - operands[1]

    def slope(self, which: int, i: Indices) -> Expression:
        return Number(-1 if which else 1)

    def whole(self) -> Expression:
        return self.at.inputs[0] - self.at.inputs[1] if _level(self.at.input_shapes) else super().whole()


@writes(Mul)
class OfMul(OfBroadcasting[Mul]):
    """a ⊙ b."""

    def combine(self, operands: list[Expression]) -> Expression:
        return operands[0] * operands[1]

    def slope(self, which: int, i: Indices) -> Expression:
        return self.operand(1 - which, i)

    def whole(self) -> Expression:
        a, b = self.at.inputs
        if not self.at.shape or () in self.at.input_shapes:
            return a * b
        return Hadamard(a, b) if _level(self.at.input_shapes) else super().whole()


def _level(shapes: tuple[tuple[int, ...], ...]) -> bool:
    """Whether the shapes agree, so that nothing is repeated."""
    return len(set(shapes)) == 1


@writes(Scale)
class OfScale(Notation[Scale]):
    """c x."""

    def entry(self, i: Indices) -> Expression:
        return self._factor() * self.x(0, i)

    def partial(self, which: int, i: Indices, j: Indices) -> Expression:
        return self._factor() * deltas(i, j)

    def whole(self) -> Expression:
        return self._factor() * self.at.inputs[0]

    def _factor(self) -> Number:
        return Number(self.op.factor)
