"""Axes of one example, always counted from the end, and how the axes of several operands meet.

Operands broadcast as in NumPy, but example with example only: a (3, 4) parameter and a batch of 3 do not meet, because
axes of length 1 are put between the leading axes (seeds V, batch N) and the example where its rank is the lower one.
"""

from __future__ import annotations

from itertools import zip_longest

from chainrule.engine.backends import Array, Namespace, Shape
from chainrule.engine.op import wants


def axis_from_end(op: str, axis: int, shape: Shape, operand: str = "x") -> int:
    """`axis` of an example of that shape as a negative number. Raises ShapeError where there is none such."""
    rank = len(shape)
    if not -rank <= axis < rank:
        bounds = f"axes {-rank} to {rank - 1}; the batch axis is not counted" if rank else "no axes at all"
        raise wants(op, operand, shape, f"axis {axis} of one example", f"it has {bounds}")
    return axis - rank if axis >= 0 else axis


def broadcast_shape(*shapes: Shape) -> Shape | None:
    """The shape they broadcast to, as in NumPy; None where they do not."""
    lengths = []
    for column in zip_longest(*(reversed(shape) for shape in shapes), fillvalue=1):
        wide = {length for length in column if length != 1}
        if len(wide) > 1:
            return None
        lengths.append(wide.pop() if wide else 1)
    return tuple(reversed(lengths))


def lead(x: Array, rank: int) -> Shape:
    """The leading axes of an array whose examples have that rank."""
    shape: Shape = x.shape
    return shape[: max(len(shape) - rank, 0)]


def aligned(x: Array, rank: int, to: int) -> Array:
    """x, whose examples have that rank, with axes of length 1 before them so that they have the rank `to`."""
    if rank == to or x.ndim == rank:
        return x
    return x[(..., *(None,) * (to - rank), *(slice(None),) * rank)]


def broadcast_examples(xp: Namespace, x: Array, rank: int, shape: Shape) -> Array:
    """x, whose examples have that rank, with each repeated to `shape`."""
    full = (*lead(x, rank), *shape)
    return x if x.shape == full else xp.broadcast_to(aligned(x, rank, len(shape)), full)


def sum_examples(xp: Namespace, x: Array, repeated: Shape, shape: Shape) -> Array:
    """The adjoint of repeating examples of `shape` to `repeated`: x summed over the axes along which they were."""
    if repeated == shape:
        return x
    new = len(repeated) - len(shape)
    axes = tuple(
        i - len(repeated) for i, length in enumerate(repeated) if i < new or (shape[i - new] == 1 and length != 1)
    )
    total = xp.sum(x, axes) if axes else x
    return total.reshape((*lead(x, len(repeated)), *shape))
