"""Requests of one structure and of the same shapes, computed together as a stack."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray

from chainrule.engine import layouts
from chainrule.engine.apart import apart
from chainrule.engine.backends import Array
from chainrule.engine.cost import Cost
from chainrule.engine.trace import Trace, never
from chainrule.operations.prepared import Arrays, Prepared
from chainrule.operations.registry import Operation
from chainrule.operations.results import Reply, meta

MOST = 100
"""Requests of a stack. Measured on the homework's net, 2 inputs to 20 to 5 and 10 examples: from 64 to 128 at a time
each took a twelfth (NumPy) and a thirteenth (torch) of its time alone; NumPy takes 4 times as long from 256 on."""
MOST_FLOPS = 10**7
"""Floating-point operations of a stack: a few milliseconds, in which a batch gives others their turn."""
MOST_HELD = 2**22
"""Numbers that a stack holds at once."""
MOST_RETURNED = 2**18
"""Numbers in the replies of a stack."""


class Stacking(Protocol):
    """An operation that runs on a stack too. `arrays`: each of the request's tensors P times, (P, *shape)."""

    prepared: Prepared
    cost: Cost

    def run_stack(self, arrays: Arrays, cancelled: Callable[[], bool]) -> list[Reply | None]:
        """The replies; None for a request that is to be run alone, because there is more to say of it.

        Raises Refused and EngineError where one of them is at fault, and Cancelled.
        """


def stacks(operation: Operation | Stacking) -> TypeGuard[Stacking]:
    """Whether requests like this one may be computed together."""
    return getattr(operation, "stacked", False)


def most_of(cost: Cost) -> int:
    """How many requests of that cost make a stack."""
    return min(
        MOST,
        MOST_FLOPS // max(1, cost.flops),
        MOST_HELD // max(1, cost.held),
        MOST_RETURNED // max(1, cost.returned),
    )


@dataclass(frozen=True, slots=True)
class Stack:
    """Requests that are ready to be computed together."""

    operation: Stacking
    arrays: Arrays

    def run(self, cancelled: Callable[[], bool] = never) -> list[Reply | None]:
        """See `Stacking.run_stack`."""
        with np.errstate(all="ignore"), self.operation.prepared.stacked_xp.computing():
            return self.operation.run_stack(self.arrays, cancelled)


@dataclass(frozen=True, slots=True)
class StackedResults:
    """Turns what the engine found for a stack into what its replies say, request by request."""

    prepared: Prepared
    trace: Trace

    def value(self, slot: int, value: Array) -> NDArray[Any]:
        """The values as their callers see them, (P, …)."""
        found = self.trace.xp.to_numpy(value)
        return found if self.prepared.request.batched and self.prepared.plan.slots[slot].batched else found[:, 0]

    def gradient(self, slot: int, value: Array | float | None) -> NDArray[Any]:
        """∂C/∂slot in the layout asked for, (P, …); 0 where that is None, and 1 where it is the seed, 1.0."""
        plan, xp = self.prepared.plan, self.trace.xp
        held = plan.slots[slot]
        if value is None or type(value) is float:
            make, problems = xp.zeros if value is None else xp.ones, len(self.trace.values[0])
            value = make((problems, plan.batch if held.batched else 1, *held.shape))
        return self.value(slot, layouts.gradient(xp, value, held.shape, self.prepared.request.layout))

    def finish(self, columns: Columns, with_kinks: Iterable[int] = (), **rest: Any) -> list[Reply | None]:
        """The replies, each of its own rows of `columns`, with `rest`, no warnings and `meta`.

        None for a request that is at a kink of the steps `with_kinks`, or may call for a warning.
        """
        about = meta(self.trace.xp.name, self.trace.xp.device, self.trace.xp.dtype)
        alone = apart(self.trace, with_kinks).tolist()
        rows = zip(_rows(columns), alone, strict=True)
        return [None if is_alone else {**row, **rest, "warnings": [], "meta": about} for row, is_alone in rows]


Columns = Mapping[str, "NDArray[Any] | Columns"]
"""Members of a reply, each as an array of what it is in each: (P, …)."""


def _rows(column: NDArray[Any] | Columns) -> Sequence[Any]:
    if isinstance(column, Mapping):
        members = zip(*map(_rows, column.values()), strict=True)
        return [dict(zip(column, each, strict=True)) for each in members]
    return column.tolist() if column.ndim == 1 else list(column)
