"""Where an op over some axes finds its numbers: shared by sums, means and maxima."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.derivation.expressions import Expression
from chainrule.engine.backends import Shape
from chainrule.engine.ops.reductions import OverAxes


def kept_axes(op: OverAxes, shape: Shape) -> list[int]:
    """The axes that are not gone over, counted from the start."""
    gone = {axis + len(shape) for axis in op.axes or ()}
    return [axis for axis in range(len(shape)) if axis not in gone]


def placed(op: OverAxes, shape: Shape, i: Sequence[Expression], over: Sequence[Expression]) -> list[Expression]:
    """The indices of x: those of the output where axes are kept, and those gone over."""
    kept, running = kept_axes(op, shape), iter(over)
    own = iter([i[axis] for axis in kept] if op.keepdims else i)
    return [next(own) if axis in kept else next(running) for axis in range(len(shape))]
