"""What a submitted tensor may be meant as: its layout undone, in the shape that the engine holds the quantity in."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.engine import layouts
from chainrule.engine.backends import Namespace, Shape
from chainrule.engine.errors import EngineError
from chainrule.engine.jacobian import jacobian_shape
from chainrule.engine.plan import Plan
from chainrule.grading.arrays import Array
from chainrule.grading.policy import Policy
from chainrule.grading.quantities import Quantity

LAYOUTS: tuple[layouts.Layout, ...] = ("torch", "numerator", "denominator")


class Reader:
    """Reads the answers of one problem under one policy."""

    def __init__(self, plan: Plan, xp: Namespace, policy: Policy, *, batched: bool) -> None:
        self.plan, self.xp, self.policy, self.batched = plan, xp, policy, batched
        self.layouts = LAYOUTS if policy.layout == "either" else (policy.layout,)

    def shape(self, quantity: Quantity) -> Shape:
        """The shape in which the engine holds the quantity, its batch axis included."""
        if quantity.kind == "jacobian":
            return jacobian_shape(self.plan, quantity.of, quantity.slot)
        return self.plan.full_shape(quantity.slot)

    def wanted(self, quantity: Quantity) -> Shape:
        """The shape that an answer should have."""
        return self.laid_out(np.empty(self.shape(quantity)), quantity, self.layouts[0]).shape

    def laid_out(self, value: Array, quantity: Quantity, layout: layouts.Layout) -> Array:
        """A value of the engine as an answer has it. A layout beyond its rank leaves it as it is."""
        if self._drops_batch(quantity):
            value = value[0]
        slot, found = self.plan.slots[quantity.slot], value
        try:
            if quantity.kind == "gradient":
                found = layouts.gradient(self.xp, value, slot.shape, layout)
            elif quantity.kind == "jacobian":
                found = layouts.jacobian(self.xp, value, self.plan.slots[quantity.of].shape, slot.shape, layout)
        except EngineError:
            return value
        return found

    def readings(self, answer: Array, quantity: Quantity) -> list[Array]:
        """The answer in the engine's shape, once for each layout that it may be in. None where its shape fits none."""
        found: list[Array] = []
        for layout in self.layouts:
            found += [read for read in self._undone(answer, quantity, layout) if not _holds(found, read)]
        return found

    def layout_of(self, answer: Array, quantity: Quantity) -> layouts.Layout:
        """The first layout that an answer's shape fits."""
        fits = (layout for layout in self.layouts if any(True for _ in self._undone(answer, quantity, layout)))
        return next(fits, self.layouts[0])

    def _undone(self, answer: Array, quantity: Quantity, layout: layouts.Layout) -> Iterator[Array]:
        shape = self.shape(quantity)
        if layout == "torch" and answer.shape == (shape[1:] if self._drops_batch(quantity) else shape):
            yield answer.reshape(shape)
            return
        # An index tensor laid out tells where each entry goes.
        places = self.laid_out(np.arange(int(np.prod(shape))).reshape(shape), quantity, layout)
        if places.shape == answer.shape:
            flat = np.empty(places.size, dtype=answer.dtype)
            flat[places.reshape(-1)] = answer.reshape(-1)
            yield flat.reshape(shape)
        elif self._may_be_row_or_column(quantity) and answer.shape in _rows_and_columns(places.size):
            yield answer.reshape(shape)

    def _may_be_row_or_column(self, quantity: Quantity) -> bool:
        slot = self.plan.slots[quantity.slot]
        return (
            self.policy.bias_shape == "any"
            and quantity.kind == "gradient"
            and len(slot.shape) == 1
            and not slot.batched
        )

    def _drops_batch(self, quantity: Quantity) -> bool:
        if self.batched:
            return False
        batched = self.plan.slots[quantity.slot].batched
        return batched or (quantity.kind == "jacobian" and self.plan.slots[quantity.of].batched)


def _rows_and_columns(length: int) -> tuple[Shape, ...]:
    return (length,), (1, length), (length, 1)


def _holds(found: list[Array], read: Array) -> bool:
    return any(np.array_equal(each, read, equal_nan=True) for each in found)
