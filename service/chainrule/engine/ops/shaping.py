"""Ops that move, repeat or leave out elements and change none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Self

from chainrule.engine.axes import axis_from_end, broadcast_examples, broadcast_shape, lead, sum_examples
from chainrule.engine.backends import Array, Namespace, Shape
from chainrule.engine.op import Contribution, Op, Point, Sample, Saved, Tangents, Wanted, option, wants
from chainrule.engine.ops.linear_map import LinearMap
from chainrule.engine.registry import register


@register
@dataclass(frozen=True)
class Reshape(LinearMap):
    """y = x in another shape, elements in row-major order; the cotangent is given the shape of x."""

    name = "reshape"
    family = "shaping"
    formula = "x in another shape"
    derivative_formula = "∂C/∂x = ∂C/∂y in the shape of x"
    samples = (
        Sample(((6,),), {"to": (2, 3)}),
        Sample(((2, 3, 4),), {"to": (-1, 6)}),
        Sample(((),), {"to": (1, 1)}),
        Sample(((1,),), {"to": ()}),
    )

    to: tuple[int, ...] = option(
        (), "shape of one example of the result; one axis may be -1, for what is left", wire="shape"
    )

    def shape(self, *shapes: Shape) -> Shape:
        size, known = prod(shapes[0]), prod(length for length in self.to if length != -1)
        if self.to.count(-1) > 1 or any(length < 1 and length != -1 for length in self.to):
            raise wants("reshape", "x", shapes[0], f"lengths of at least 1 and at most one -1, not {list(self.to)}")
        result = tuple(size // known if length == -1 else length for length in self.to)
        if prod(result) != size:
            advice = f"{list(self.to)} cannot hold {size}; the batch axis is not counted"
            raise wants("reshape", "x", shapes[0], f"as many elements as `shape` = {list(self.to)}", advice)
        return result

    def bind(self, *shapes: Shape) -> Self:
        return replace(self, operand=shapes[0], to=self.shape(*shapes))

    def apply(self, xp: Namespace, x: Array) -> Array:
        return x.reshape((*lead(x, len(self.operand)), *self.to))

    def adjoint(self, xp: Namespace, cotangent: Array) -> Array:
        return cotangent.reshape((*lead(cotangent, len(self.to)), *self.operand))


@register
@dataclass(frozen=True)
class Flatten(LinearMap):
    """y = x as a vector, elements in row-major order; the cotangent is given the shape of x."""

    name = "flatten"
    family = "shaping"
    formula = "x as a vector"
    derivative_formula = "∂C/∂x = ∂C/∂y in the shape of x"
    samples = (Sample(((2, 3, 2),)), Sample(((3,),)), Sample(((),)))

    def shape(self, *shapes: Shape) -> Shape:
        return (prod(shapes[0]),)

    def apply(self, xp: Namespace, x: Array) -> Array:
        return x.reshape((*lead(x, len(self.operand)), prod(self.operand)))

    def adjoint(self, xp: Namespace, cotangent: Array) -> Array:
        return cotangent.reshape((*lead(cotangent, 1), *self.operand))


@register
@dataclass(frozen=True)
class Transpose(LinearMap):
    """y = x with its axes in another order, axis i of y being axis `axes[i]` of x; the cotangent's are put back."""

    name = "transpose"
    family = "shaping"
    formula = "xᵀ"
    derivative_formula = "∂C/∂x = (∂C/∂y)ᵀ"
    samples = (
        Sample(((2, 3),)),
        Sample(((2, 3, 4),)),
        Sample(((2, 3, 4),), {"axes": (1, 2, 0)}),
        Sample(((2, 3, 4),), {"axes": (-1, 0, 1)}),
    )

    axes: tuple[int, ...] | None = option(
        None, "the axes of one example in their new order, the batch axis not counted; null swaps the last two"
    )

    def shape(self, *shapes: Shape) -> Shape:
        return tuple(shapes[0][axis] for axis in self._from_end(shapes[0]))

    def bind(self, *shapes: Shape) -> Self:
        return replace(self, operand=shapes[0], axes=self._from_end(shapes[0]))

    def apply(self, xp: Namespace, x: Array) -> Array:
        return _permuted(xp, x, self.axes or ())

    def adjoint(self, xp: Namespace, cotangent: Array) -> Array:
        axes = self.axes or ()
        rank = len(axes)
        return _permuted(xp, cotangent, tuple(axes.index(axis) - rank for axis in range(-rank, 0)))

    def _from_end(self, shape: Shape) -> tuple[int, ...]:
        """The axes counted from the end. Raises ShapeError where they are no reordering of all that there are."""
        rank = len(shape)
        if self.axes is None:
            if rank < 2:
                raise wants("transpose", "x", shape, "at least two axes", 'write "reshape" for a row or a column')
            return (*range(-rank, -2), -1, -2)
        axes = tuple(axis_from_end("transpose", axis, shape) for axis in self.axes)
        if sorted(axes) != list(range(-rank, 0)):
            every = f"each of its {rank} axes once in `axes`"
            raise wants("transpose", "x", shape, f"{every}, not {list(self.axes)}", "the batch axis is not counted")
        return axes


def _permuted(xp: Namespace, x: Array, axes: Shape) -> Array:
    """x with the axes of one example, counted from the end, in that order."""
    return xp.permute(x, (*range(x.ndim - len(axes)), *(x.ndim + axis for axis in axes)))


@register
@dataclass(frozen=True)
class Slice(LinearMap):
    """y = x[start:stop:step] along an axis; the cotangent stands where the elements stood, 0 elsewhere."""

    name = "slice"
    family = "shaping"
    formula = "x[start:stop:step]"
    derivative_formula = "∂C/∂x[start:stop:step] = ∂C/∂y, 0 elsewhere"
    samples = (
        Sample(((5,),), {"start": 1, "stop": 4}),
        Sample(((5,),), {"start": -2}),
        Sample(((5, 2),), {"step": 2}),
        Sample(((2, 5),), {"axis": -1, "start": 1, "stop": -1, "step": 3}),
    )

    axis: int = option(0, "axis of one example, the batch axis not counted")
    start: int | None = option(None, "first index; negative from the end; null for the first there is")
    stop: int | None = option(None, "index after the last; negative from the end; null for all that follow")
    step: int = option(1, "distance from one index to the next", minimum=1)

    def shape(self, *shapes: Shape) -> Shape:
        x = shapes[0]
        axis = axis_from_end("slice", self.axis, x)
        taken = self._taken(x)
        if not taken:
            found = ":".join("" if part is None else str(part) for part in (self.start, self.stop, self.step))
            raise wants("slice", "x", x, f"at least one element taken along axis {self.axis}", f"{found} takes none")
        return (*x[:axis], len(taken), *x[len(x) + axis + 1 :])

    def bind(self, *shapes: Shape) -> Self:
        x, taken = shapes[0], self._taken(shapes[0])
        axis = axis_from_end("slice", self.axis, x)
        step = min(self.step, x[axis])  # a longer one takes no more, and may not fit in 64 bits
        return replace(self, operand=x, axis=axis, start=taken.start, stop=taken.stop, step=step)

    def apply(self, xp: Namespace, x: Array) -> Array:
        return x[self._index()]

    def adjoint(self, xp: Namespace, cotangent: Array) -> Array:
        into = xp.zeros((*lead(cotangent, len(self.operand)), *self.operand))
        into[self._index()] = cotangent
        return into

    def _taken(self, x: Shape) -> range:
        """The indices taken along the axis."""
        length = x[axis_from_end("slice", self.axis, x)]
        return range(*slice(self.start, self.stop, self.step).indices(length))

    def _index(self) -> tuple[object, ...]:
        """What a bound slice is in brackets."""
        return (..., slice(self.start, self.stop, self.step), *(slice(None),) * (-1 - self.axis))


@register
@dataclass(frozen=True)
class Broadcast(LinearMap):
    """y = x repeated to a shape it broadcasts to; the cotangent is summed over the axes along which it was."""

    name = "broadcast"
    family = "shaping"
    formula = "x repeated"
    derivative_formula = "∂C/∂x = Σ over the repeats of ∂C/∂y"
    samples = (
        Sample(((3,),), {"to": (2, 3)}),
        Sample(((2, 1),), {"to": (4, 2, 3)}),
        Sample(((),), {"to": (2,)}),
        Sample(((3,),), {"to": (3,)}),
    )

    to: tuple[int, ...] = option((), "shape of one example of the result", wire="shape")

    def shape(self, *shapes: Shape) -> Shape:
        if any(length < 1 for length in self.to) or broadcast_shape(shapes[0], self.to) != self.to:
            advice = "counted from the end, axes are equal, 1 or left out; the batch axis is not counted"
            raise wants("broadcast", "x", shapes[0], f"one that broadcasts to `shape` = {list(self.to)}", advice)
        return self.to

    def apply(self, xp: Namespace, x: Array) -> Array:
        return xp.contiguous(broadcast_examples(xp, x, len(self.operand), self.to))

    def adjoint(self, xp: Namespace, cotangent: Array) -> Array:
        return sum_examples(xp, cotangent, self.to, self.operand)


@register
@dataclass(frozen=True)
class Concat(Op):
    """y = x₀, x₁, … end to end along an axis; each cotangent is its part of that of y."""

    name = "concat"
    family = "shaping"
    variadic = True
    formula = "[x₀, x₁, …]"
    derivative_formula = "∂C/∂xᵢ = the part of ∂C/∂y where xᵢ is"
    samples = (
        Sample(((2,), (3,))),
        Sample(((2, 3), (1, 3), (2, 3))),
        Sample(((2, 3), (2, 1)), {"axis": -1}),
        Sample(((2, 3, 2), (2, 1, 2)), {"axis": 1}),
    )

    axis: int = option(0, "axis of one example, the batch axis not counted")
    shapes: tuple[Shape, ...] = ()
    """Of one example of each operand."""

    def shape(self, *shapes: Shape) -> Shape:
        first = shapes[0]
        axis = axis_from_end("concat", self.axis, first, "x0")
        at = len(first) + axis
        for i, shape in enumerate(shapes[1:], start=1):
            if len(shape) != len(first) or (*shape[:at], *shape[at + 1 :]) != (*first[:at], *first[at + 1 :]):
                wanted = f"the shape of x0, {list(first)}, but along axis {self.axis}"
                raise wants("concat", f"x{i}", shape, wanted, "the batch axis is not counted")
        return (*first[:at], sum(shape[at] for shape in shapes), *first[at + 1 :])

    def bind(self, *shapes: Shape) -> Self:
        return replace(self, axis=axis_from_end("concat", self.axis, shapes[0]), shapes=shapes)

    def forward(self, xp: Namespace, *inputs: Array) -> tuple[Array, Saved]:
        return self._joined(xp, inputs), None

    def vjp(self, xp: Namespace, cotangent: Array, at: Point, wanted: Wanted) -> tuple[Contribution, ...]:
        parts, start = list[Contribution](), 0
        for want, shape in zip(wanted, self.shapes, strict=True):
            stop = start + shape[self.axis]
            part = (..., slice(start, stop), *(slice(None),) * (-1 - self.axis))
            parts.append(cotangent[part] if want else None)
            start = stop
        return tuple(parts)

    def jvp(self, xp: Namespace, tangents: Tangents, at: Point) -> Array:
        given = [
            xp.zeros(shape) if tangent is None else tangent
            for tangent, shape in zip(tangents, self.shapes, strict=True)
        ]
        return self._joined(xp, given)

    def _joined(self, xp: Namespace, operands: Sequence[Array]) -> Array:
        """The operands end to end, those with fewer leading axes (parameters) repeated along the rest."""
        rank = len(self.shapes[0])
        leading = broadcast_shape(*(lead(x, rank) for x in operands)) or ()
        full = [xp.broadcast_to(x, (*leading, *shape)) for x, shape in zip(operands, self.shapes, strict=True)]
        return xp.concat(full, self.axis)
