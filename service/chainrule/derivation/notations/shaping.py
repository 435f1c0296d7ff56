"""Ops that move, repeat or leave out elements and change none."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from math import prod
from typing import TypeVar

from chainrule.derivation.conditions import Cases, Relation, where
from chainrule.derivation.expressions import Expression, Number, add
from chainrule.derivation.functions import Digit, Transposed
from chainrule.derivation.indexed import deltas
from chainrule.derivation.notation import Indices, Notation, writes
from chainrule.engine.backends import Shape
from chainrule.engine.op import Op
from chainrule.engine.ops.shaping import Broadcast, Concat, Flatten, Reshape, Slice, Transpose

AnyShaping = TypeVar("AnyShaping", bound=Op)


class OfMoved(Notation[AnyShaping]):
    """Each entry of the output is one entry of the input: it states which."""

    @abstractmethod
    def source(self, i: Indices) -> list[Expression]:
        """Where in x the output's entry at i comes from."""

    def entry(self, i: Indices) -> Expression:
        return self.x(0, self.source(i))

    def partial(self, which: int, i: Indices, j: Indices) -> Expression:
        met = [(a, b) for a, b in zip(self.source(i), j, strict=True) if a != Number(0)]
        return deltas([a for a, _ in met], [b for _, b in met])


@writes(Reshape, Flatten)
class OfReshape(OfMoved[Reshape | Flatten]):
    """x in another shape, elements in row-major order."""

    def source(self, i: Indices) -> list[Expression]:
        return _axes(_position(i, self.at.shape), self.at.input_shapes[0])

    def partial(self, which: int, i: Indices, j: Indices) -> Expression:
        return where(_position(i, self.at.shape), "=", _position(j, self.at.input_shapes[0]))


@writes(Transpose)
class OfTranspose(OfMoved[Transpose]):
    """x with its axes in another order."""

    def source(self, i: Indices) -> list[Expression]:
        axes = [axis % len(i) for axis in self.op.axes or ()]
        return [i[axes.index(axis)] for axis in range(len(axes))]

    def whole(self) -> Expression:
        return Transposed(self.at.inputs[0]) if self.op.axes == (-1, -2) else super().whole()


@writes(Slice)
class OfSlice(OfMoved[Slice]):
    """x[start:stop:step] along an axis."""

    def source(self, i: Indices) -> list[Expression]:
        found = list(i)
        found[self.op.axis] = (self.op.start or 0) + self.op.step * i[self.op.axis]
        return found


@writes(Broadcast)
class OfBroadcast(OfMoved[Broadcast]):
    """x repeated to a shape."""

    def source(self, i: Indices) -> list[Expression]:
        shape = self.at.input_shapes[0]
        own = i[len(i) - len(shape) :]
        return [Number(0) if length == 1 else index for index, length in zip(own, shape, strict=True)]


@writes(Concat)
class OfConcat(Notation[Concat]):
    """x₀, x₁, … end to end along an axis."""

    def entry(self, i: Indices) -> Expression:
        *cases, (last, _) = self._parts(i)
        along = i[self.op.axis]
        return Cases(tuple((value, Relation(along, "<", Number(stop))) for value, stop in cases), last)

    def partial(self, which: int, i: Indices, j: Indices) -> Expression:
        shifted = list(j)
        shifted[self.op.axis] = j[self.op.axis] + self._start(which)
        return deltas(i, shifted)

    def _parts(self, i: Indices) -> list[tuple[Expression, int]]:
        """For each operand the entry that it gives, and where its part ends."""
        found: list[tuple[Expression, int]] = []
        for which, shape in enumerate(self.op.shapes):
            own = list(i)
            own[self.op.axis] = i[self.op.axis] - self._start(which)
            found.append((self.x(which, own), self._start(which) + shape[self.op.axis]))
        return found

    def _start(self, which: int) -> int:
        return self._starts[which]

    @cached_property
    def _starts(self) -> list[int]:
        return list(accumulate((shape[self.op.axis] for shape in self.op.shapes), initial=0))


def _position(i: Indices, shape: Shape) -> Expression:
    """The place of an entry in row-major order."""
    return add(*(prod(shape[axis + 1 :]) * index for axis, index in enumerate(i) if shape[axis] > 1))


def _axes(position: Expression, shape: Sequence[int]) -> list[Expression]:
    """The indices of the entry at a place in row-major order."""
    found: list[Expression] = []
    outermost = True
    for axis, length in enumerate(shape):
        if length == 1:
            found.append(Number(0))
            continue
        step = prod(shape[axis + 1 :])
        whole = step == 1 and outermost
        found.append(position if whole else Digit(position, step, None if outermost else length))
        outermost = False
    return found
