"""What depends on a network's structure alone: the order of its steps, every shape, and what it costs.

Every value has a slot, numbered: first the leaves (inputs, parameters, targets), then each step's output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from chainrule.engine.backends import Array, Shape
from chainrule.engine.errors import EngineError, GraphError, Unsupported
from chainrule.engine.graph import DATA, INPUT, LOSS, OUTPUT, TARGETS, Graph, Node
from chainrule.engine.op import Op
from chainrule.engine.ops.penalties import Total

if TYPE_CHECKING:
    from chainrule.engine.backward import Program

MOST_AXES = 8
"""Of one example's value."""
MOST_ELEMENTS = 2**62
"""Of one example's value. No machine holds so many; the bound keeps sizes that are only worked out short."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A value's name, the shape of one example of it, and whether it has a batch axis before that."""

    name: str
    shape: Shape
    batched: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One node, ready to run: a bound op, the slots it reads and the slot it writes."""

    name: str
    op: Op
    operands: tuple[str, ...]
    inputs: tuple[int, ...]
    output: int
    folds: tuple[int | None, ...]
    """For each input that has no batch axis where the output has one: the axis of the batch in its cotangent, counted
    from the end, over which that is summed. Else None."""
    take: Callable[[Sequence[Array]], tuple[Array, ...]] = field(init=False, repr=False, compare=False)
    """Of all values by slot, those of the inputs."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "take", _taker(self.inputs))


@dataclass(frozen=True)
class Plan:
    """A network ready to run on arrays of fixed shapes. N is the batch size."""

    batch: int
    slots: tuple[Slot, ...]
    steps: tuple[Step, ...]
    leaves: tuple[str, ...]
    """The names of the first slots. Each step writes the next."""
    inputs: tuple[str, ...]
    parameters: tuple[str, ...]
    output: int
    loss: int | None
    flops: int
    """Of forward, over the whole batch."""
    index: Mapping[str, int]
    programs: dict[object, Program] = field(default_factory=dict, compare=False)
    """Backward programs worked out so far, by what they differentiate."""
    gather: Callable[[Mapping[str, Array]], tuple[Array, ...]] = field(init=False, repr=False, compare=False)
    """Of a mapping by name, the leaves in the order of their slots."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "gather", _taker(self.leaves))

    def producer(self, slot: int) -> Step | None:
        """The step that writes `slot`; None for a leaf."""
        return self._producers.get(slot)

    @cached_property
    def _producers(self) -> dict[int, Step]:
        return {step.output: step for step in self.steps}

    def taken(self, step: Step) -> dict[str, str]:
        """By the op's name for each input of a step, the name of the value that it is."""
        return {operand: self.slots[slot].name for operand, slot in zip(step.operands, step.inputs, strict=True)}

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """The nodes' names in the order they run: the first of the steps. The loss and penalties come after them."""
        return tuple(step.name for step in self.steps if step.op.family not in ("loss", "penalty", "total"))

    @cached_property
    def data_loss(self) -> int | None:
        """The number of the step that compares the output with the targets: C, or what penalties are added to."""
        return next((number for number, step in enumerate(self.steps) if step.op.family == "loss"), None)

    @cached_property
    def targets(self) -> int | None:
        """The slot of the targets; None where there is no loss, and any value may have their name."""
        return self.index[TARGETS] if self.loss is not None else None

    def find(self, name: str) -> int | None:
        """The slot that a name means, which may stand for the output or the single input; None where there is none."""
        slot = self.index.get(name)
        if slot is None and name == OUTPUT:
            return self.output
        if slot is None and name == INPUT and len(self.inputs) == 1:
            return self.index[self.inputs[0]]
        return slot

    def full_shape(self, slot: int) -> Shape:
        """The shape of a value as it is held, its batch axis included."""
        held = self.slots[slot]
        return (self.batch, *held.shape) if held.batched else held.shape


def make_plan(graph: Graph, shapes: Mapping[str, Shape], batch: int) -> Plan:
    """Order the graph and work out every shape.

    `shapes`: of one example of each input and of the targets (`y`), and of each parameter.
    Raises GraphError, and ShapeError with the node's name in `where`.
    """
    builder = _Builder(shapes, batch)
    for name in graph.inputs:
        builder.leaf(name, batched=True)
    for name in graph.parameters:
        builder.leaf(name, batched=False)
    if graph.loss is not None:
        builder.leaf(TARGETS, batched=True)
    leaves = tuple(builder.index)
    for node in graph.order:
        builder.step(node)
    output = builder.index[graph.output]
    if graph.loss is not None:
        _add_loss(builder, graph, graph.loss)
    return Plan(
        batch=batch,
        slots=tuple(builder.slots),
        steps=tuple(builder.steps),
        leaves=leaves,
        inputs=graph.inputs,
        parameters=graph.parameters,
        output=output,
        loss=builder.index.get(LOSS) if graph.loss is not None else None,
        flops=builder.flops,
        index=builder.index,
    )


def _add_loss(builder: _Builder, graph: Graph, loss: Node) -> None:
    if not builder.slots[builder.index[graph.output]].batched:
        raise GraphError(f"the output {graph.output!r} depends on no input, so there is no loss over a batch of it")
    if not graph.penalties:
        builder.step(loss)
        return
    terms = [Node(DATA, loss.op, loss.inputs), *graph.penalties]
    builder.step(terms[0])
    if builder.slots[-1].batched:
        message = 'penalties are added to one number, and "reduction": "none" leaves many: write sum, mean or batchmean'
        raise Unsupported(message, where=LOSS)
    for term in terms[1:]:
        builder.step(term)
    builder.step(Node(LOSS, Total(), tuple(term.name for term in terms)))


class _Builder:
    """Slots and steps as they are added, in order."""

    def __init__(self, shapes: Mapping[str, Shape], batch: int) -> None:
        self.shapes = shapes
        self.batch = batch
        self.slots: list[Slot] = []
        self.steps: list[Step] = []
        self.index: dict[str, int] = {}
        self.flops = 0

    def leaf(self, name: str, *, batched: bool) -> None:
        self._add(Slot(name, self.shapes[name], batched))

    def step(self, node: Node) -> None:
        inputs = tuple(self.index[name] for name in node.inputs)
        shapes = [self.slots[i].shape for i in inputs]
        op = node.op
        try:
            self._check_parameters(op, inputs)
            shape = op.shape(*shapes)
            if len(shape) > MOST_AXES:
                raise Unsupported(f"{op.name} makes a value of {len(shape)} axes; {MOST_AXES} is the most")
            if prod(shape) > MOST_ELEMENTS:
                raise Unsupported(f"{op.name} makes a value of more than {MOST_ELEMENTS:,} numbers")
            self.flops += op.flops(*shapes) * (self.batch if any(self.slots[i].batched for i in inputs) else 1)
            bound = op.bind(*shapes)
        except EngineError as error:
            error.where = error.where or node.name
            raise
        reduced = op.family == "loss" and shape == () and getattr(op, "reduction", "none") != "none"
        batched = any(self.slots[i].batched for i in inputs) and not reduced
        folds = tuple(-1 - len(self.slots[i].shape) if batched and not self.slots[i].batched else None for i in inputs)
        output = self._add(Slot(node.name, shape, batched))
        self.steps.append(Step(node.name, bound, operand_names(op, len(inputs)), inputs, output, folds))

    def _check_parameters(self, op: Op, inputs: tuple[int, ...]) -> None:
        for name, i in zip(operand_names(op, len(inputs)), inputs, strict=True):
            if name in op.parameters and self.slots[i].batched:
                raise Unsupported(
                    f"{name} is the same for every example, and {self.slots[i].name} has a value for each: "
                    "name a parameter, or a node of parameters alone",
                    operand=name,
                )

    def _add(self, slot: Slot) -> int:
        self.index[slot.name] = len(self.slots)
        self.slots.append(slot)
        return len(self.slots) - 1


def _taker(keys: tuple[Any, ...]) -> Callable[[Any], tuple[Array, ...]]:
    """What takes the values of `keys` out of a list or a mapping: `itemgetter`, where that makes a tuple."""
    if len(keys) > 1:
        return itemgetter(*keys)
    (key,) = keys
    return lambda values: (values[key],)


def operand_names(op: Op, count: int) -> tuple[str, ...]:
    """What the op calls its inputs, in order."""
    if op.variadic:
        return tuple(f"x{i}" for i in range(count))
    return (*op.operands, *op.parameters)[:count]


def reachable(plan: Plan, of: int, sources: Iterable[int]) -> frozenset[int]:
    """Every slot on a way from one of `sources` to `of`, both ends included where there is a way."""
    wanted = set(sources)
    for step in plan.steps:
        if any(i in wanted for i in step.inputs):
            wanted.add(step.output)
    leading = {of}
    for step in reversed(plan.steps):
        if step.output in leading:
            leading.update(step.inputs)
    return frozenset(wanted & leading)
