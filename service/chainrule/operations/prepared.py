"""A problem made ready: its plan, and how the request's arrays become the plan's leaves.

All of it depends on the request's words and on its tensors' shapes, not on their numbers, so it is kept and used again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.backends import Array, BackendUnavailable, Namespace, Shape, choose
from chainrule.engine.cost import Cost
from chainrule.engine.drawing import FLOPS as DRAWING_FLOPS
from chainrule.engine.drawing import draw, draw_held
from chainrule.engine.errors import EngineError, ShapeError
from chainrule.engine.graph import TARGETS
from chainrule.engine.ops.loss import Loss
from chainrule.engine.plan import Plan, make_plan
from chainrule.engine.trace import Trace, never, run_forward
from chainrule.operations.description import Description, Source, describe
from chainrule.operations.naming import check_names_beside_loss
from chainrule.operations.refusals import Fault, Refused, refuse
from chainrule.schemas.networks import Drawn
from chainrule.schemas.requests import Problem
from chainrule.schemas.tensors import TensorSlot

Arrays = Sequence[NDArray[Any]]
"""The request's tensors, by slot."""


class Leaf(NamedTuple):
    """A leaf of the plan, and where its numbers come from."""

    name: str
    source: Source
    batched: bool
    """Whether it has a batch axis."""
    exact: bool
    """Whether it keeps its integers (class targets)."""


@dataclass(frozen=True)
class Prepared:
    """A request with its plan for tensors of one set of shapes."""

    request: Problem
    description: Description
    plan: Plan
    leaves: tuple[Leaf, ...]

    @cached_property
    def xp(self) -> Namespace:
        """The backend asked for. Raises Refused where it is not to be had."""
        return self._namespace(stacked=False)

    @cached_property
    def stacked_xp(self) -> Namespace:
        """The same for several requests at once. Raises Refused too."""
        return self._namespace(stacked=True)

    def _namespace(self, *, stacked: bool) -> Namespace:
        try:
            return choose(self.request.backend, self.request.device, self.request.dtype, stacked=stacked)
        except BackendUnavailable as error:
            raise refuse(f"/{error.field}", str(error)) from None

    def drops_batch(self, slot: int) -> bool:
        """Whether a value is held with a batch axis of 1 that the caller does not see."""
        return not self.request.batched and self.plan.slots[slot].batched

    def shape(self, slot: int) -> Shape:
        """The shape of a value as the caller sees it."""
        return self.plan.full_shape(slot)[self.drops_batch(slot) :]

    @property
    def draws(self) -> bool:
        """Whether some of its numbers are drawn."""
        return any(isinstance(leaf.source, Drawn) for leaf in self.leaves)

    @property
    def cost(self) -> Cost:
        """Of making the leaves: numbers that are drawn are not free."""
        drawn = [prod(leaf.source.shape) for leaf in self.leaves if isinstance(leaf.source, Drawn)]
        return Cost(flops=sum(drawn) * DRAWING_FLOPS, held=max(map(draw_held, drawn), default=0))

    def host_leaves(self, arrays: Arrays) -> dict[str, NDArray[Any]]:
        """Every leaf as a NumPy array with its batch axis, in float64 or int64."""
        return {
            name: array.astype(np.int64 if array.dtype.kind == "i" else np.float64, copy=False)
            for name, array in self._leaves(arrays).items()
        }

    def device_leaves(self, arrays: Arrays) -> dict[str, Array]:
        """Every leaf in the dtype and on the device asked for. Raises Refused where a number does not fit."""
        return {name: self.on_device(array) for name, array in self._leaves(arrays).items()}

    def trace(self, arrays: Arrays, cancelled: Callable[[], bool] = never) -> Trace:
        """Run forward on the request's arrays. Raises Refused, and Cancelled."""
        leaves = self.device_leaves(arrays)
        try:
            return run_forward(self.plan, self.xp, leaves, cancelled)
        except EngineError as error:
            raise self.description.pointers.refusal(error) from None

    def stacked_trace(self, arrays: Arrays, cancelled: Callable[[], bool] = never) -> Trace:
        """Run forward on the arrays of P requests, each (P, *shape). Raises Refused, EngineError and Cancelled."""
        leaves = {}
        for name, source, batched, exact in self.leaves:
            assert isinstance(source, TensorSlot)
            array = self._as_read(arrays, source, exact)
            leaves[name] = self.on_device(array if batched and self.request.batched else array[:, None])
        return run_forward(self.plan, self.stacked_xp, leaves, cancelled)

    def on_device(self, array: NDArray[Any]) -> Array:
        """An array of the request in the dtype and on the device asked for. Raises Refused where it does not fit."""
        if self.request.dtype == "float32" and array.dtype == np.float64:
            array = array.astype(np.float32)  # here, as to ask the device whether it fits is to wait for it
            if not np.isfinite(array).all():
                raise refuse("/dtype", 'a tensor holds a number beyond float32 (3.4e38): write "dtype": "float64"')
        return self.xp.asarray(array)

    def _leaves(self, arrays: Arrays) -> dict[str, NDArray[Any]]:
        return {name: self._host(arrays, source, batched, exact) for name, source, batched, exact in self.leaves}

    def _host(self, arrays: Arrays, source: Source, batched: bool, exact: bool) -> NDArray[Any]:
        if isinstance(source, Drawn):
            return draw(source.shape, source.init, source.scale, source.seed)
        array = self._as_read(arrays, source, exact)
        return array[None] if batched and not self.request.batched else array

    @staticmethod
    def _as_read(arrays: Arrays, source: TensorSlot, exact: bool) -> NDArray[Any]:
        array = arrays[source.index]
        return array if exact or array.dtype.kind == "f" else array.astype(np.float64)


def prepare(request: Problem, shapes: Sequence[Shape]) -> Prepared:
    """Plan a request whose tensors have `shapes`, by slot. Raises Refused."""
    description = describe(request)
    check_names_beside_loss(description.pointers.names.items(), request)
    of_leaves = {name: _shape(source, shapes) for name, source in description.sources.items()}
    batch = _batch(request, description, of_leaves)
    for name in _batched(description):
        if request.batched:
            of_leaves[name] = of_leaves[name][1:]
    try:
        plan = make_plan(description.graph, of_leaves, batch)
    except ShapeError as error:
        raise _both_readings(request, description, shapes, description.pointers.refusal(error)) from None
    except EngineError as error:
        raise description.pointers.refusal(error) from None
    batched, exact = _batched(description), _takes_classes(plan)
    leaves = tuple(
        Leaf(name, source, name in batched, name == TARGETS and exact) for name, source in description.sources.items()
    )
    return Prepared(request, description, plan, leaves)


def _shape(source: Source, shapes: Sequence[Shape]) -> Shape:
    return shapes[source.index] if isinstance(source, TensorSlot) else source.shape


def _batched(description: Description) -> tuple[str, ...]:
    """The leaves that have a batch axis: every input, and the targets where there is a loss."""
    graph = description.graph
    return (*graph.inputs, TARGETS) if graph.loss is not None else graph.inputs


def _batch(request: Problem, description: Description, shapes: dict[str, Shape]) -> int:
    """N: the length of axis 0 of every input and of the targets, 1 for a single example."""
    if not request.batched:
        return 1
    lengths: dict[str, int] = {}
    for name in _batched(description):
        pointer = description.pointers.names.get(name, "/targets")
        if not shapes[name]:
            raise refuse(
                pointer, 'a number has no batch axis: write "batched": false for a single example, or [number]'
            )
        lengths[pointer] = shapes[name][0]
    if not lengths:
        raise refuse(
            "/inputs",
            'there is no input to tell the number of examples: give one, or write "batched": false for a network of '
            "parameters alone",
        )
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{pointer} has {length}" for pointer, length in lengths.items())
        raise refuse(
            next(reversed(lengths)),
            f'axis 0 is the batch, and its lengths differ: {found}. For a single example write "batched": false',
        )
    return next(iter(lengths.values()))


def _takes_classes(plan: Plan) -> bool:
    for step in plan.steps:
        if isinstance(step.op, Loss):
            prediction, target = (plan.slots[i] for i in step.inputs)
            return step.op.rowwise and len(target.shape) == len(prediction.shape) - 1
    return False


def _both_readings(request: Problem, description: Description, shapes: Sequence[Shape], refusal: Refused) -> Refused:
    """The refusal of a shape, with how the inputs were read and how else they could be."""
    sources = [description.sources[name] for name in description.graph.inputs]
    found = [list(_shape(source, shapes)) for source in sources]
    if request.batched:
        here = ", ".join(f"{shape} were read as N = {shape[0]} examples of shape {shape[1:]}" for shape in found)
        reading = f'inputs of shape {here}; with "batched": false it would be one example'
    else:
        here = ", ".join(str(shape) for shape in found)
        reading = f'inputs of shape {here} were read as one example; with "batched": true axis 0 would be the batch'
    return refusal.told(lambda fault: Fault(fault.pointer, f"{fault.message} ({reading})"))
