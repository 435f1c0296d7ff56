"""Networks drawn at random, with fan-out, shared parameters and nodes of parameters alone, and the same in torch.

torch evaluates one example; `torch.func.vmap` maps it over the batch. A shift of zero is added to every node, so that
derivatives with respect to nodes are asked for in the same way as those with respect to leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume
from hypothesis import strategies as st

from chainrule.engine.backends import Shape, choose
from chainrule.engine.errors import ShapeError
from chainrule.engine.graph import LOSS, TARGETS, Graph, Node
from chainrule.engine.op import Op
from chainrule.engine.plan import Plan, make_plan, reachable
from chainrule.engine.registry import find
from chainrule.engine.trace import Trace, run_forward
from torch_device import device_of

MOST_ELEMENTS = 24
MOST_AXES = 4
MARGIN = 1e-3
"""How far from its kink everything stays that goes into a relu."""

LENGTHS = st.integers(1, 4)
KINDS = (
    *("linear", "matmul", "mul", "add", "sub") * 3,
    *("sum", "mean", "reshape", "flatten", "transpose", "slice", "broadcast", "concat", "scale", "relu"),
    *("tanh", "sigmoid", "softplus", "square", "identity", "exp", "softargmax", "log_softargmax", "logsumexp"),
)

BY_TORCH: dict[str, Callable[..., Any]] = {
    "tanh": lambda op, x: torch.tanh(x),
    "sigmoid": lambda op, x: torch.sigmoid(x),
    "softplus": lambda op, x: torch.logaddexp(x, torch.zeros_like(x)),
    "square": lambda op, x: x**2,
    "identity": lambda op, x: x.clone(),
    "softargmax": lambda op, x: torch.softmax(x, -1),
    "log_softargmax": lambda op, x: torch.log_softmax(x, -1),
    "logsumexp": lambda op, x: torch.logsumexp(x, -1),
    "exp": lambda op, x: torch.exp(x),
    "relu": lambda op, x: op.scale * torch.relu(x),
    "scale": lambda op, x: op.factor * x,
    "linear": lambda op, x, W, b=0: x @ (W if op.weight_layout == "in_out" else W.mT) + b,  # noqa: N803
    "matmul": lambda op, a, b: torch.matmul(a, b),
    "add": lambda op, *xs: sum(xs),
    "sub": lambda op, a, b: a - b,
    "mul": lambda op, a, b: a * b,
    "sum": lambda op, x: _reduced(torch.sum, op, x),
    "mean": lambda op, x: _reduced(torch.mean, op, x),
    "reshape": lambda op, x: x.reshape(op.to),
    "flatten": lambda op, x: x.reshape(-1),
    "transpose": lambda op, x: x.mT if op.axes is None else x.permute(op.axes),
    "slice": lambda op, x: x.movedim(op.axis, 0)[op.start : op.stop : op.step].movedim(0, op.axis),
    "broadcast": lambda op, x: x.expand(op.to),
    "concat": lambda op, *xs: torch.cat(xs, op.axis),
}


def _reduced(function: Callable[..., Any], op: Any, x: torch.Tensor) -> torch.Tensor:
    axes = tuple(range(x.ndim)) if op.axes is None else op.axes
    return function(x, dim=axes, keepdim=op.keepdims) if axes else x.clone()


@dataclass
class Sketch:
    """A network while it is drawn."""

    draw: Any
    shapes: dict[str, Shape] = field(default_factory=dict)
    batched: dict[str, bool] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)

    def leaf(self, kind: str, shape: Shape) -> str:
        name = f"{kind}{len(self.shapes)}"
        self.shapes[name], self.batched[name] = shape, kind == "x"
        return name

    def any(self) -> str:
        """Any value, a late one more likely, so that networks grow deep as well as wide."""
        names = list(self.shapes)
        return self.draw(st.sampled_from(names) | st.sampled_from(names[-2:]))

    def parameter(self, shape: Shape) -> str:
        """Of that shape: new, or computed from a new one, or one that is there already and now has two uses."""
        held = [name for name, other in self.shapes.items() if other == shape and not self.batched[name]]
        match self.draw(st.sampled_from(["new", "computed", "shared"])):
            case "shared" if held:
                return self.draw(st.sampled_from(held))
            case "computed":
                return self.add(find("tanh")(), (self.leaf("p", shape),))
        return self.leaf("p", shape)

    def add(self, op: Op, operands: tuple[str, ...]) -> str:
        name = f"n{len(self.shapes)}"
        self.shapes[name] = op.shape(*(self.shapes[i] for i in operands))
        self.batched[name] = any(self.batched[i] for i in operands)
        self.nodes.append(Node(name, op, operands))
        return name

    def node(self, kind: str) -> None:
        """A node of that kind, if what is drawn for it fits together and stays small."""
        op, operands = self.application(kind, self.any())
        try:
            shape = op.shape(*(self.shapes[name] for name in operands))
        except ShapeError:
            return
        if prod(shape) <= MOST_ELEMENTS and len(shape) <= MOST_AXES:
            self.add(op, operands)

    def application(self, kind: str, x: str) -> tuple[Op, tuple[str, ...]]:
        """An op of that kind with its options, and what it is applied to, x first among them."""
        draw, shape = self.draw, self.shapes[x]
        rank, op = len(shape), find(kind)
        axis = st.integers(-rank, max(rank - 1, 0))
        match kind:
            case "relu":
                return op(scale=draw(st.sampled_from([1.0, 3.0]))), (x,)
            case "scale":
                return op(factor=draw(st.sampled_from([-0.5, 1.5]))), (x,)
            case "linear":
                layout, out, into = draw(st.sampled_from(["out_in", "in_out"])), draw(LENGTHS), (*shape, 1)[rank - 1]
                weight = self.parameter((out, into) if layout == "out_in" else (into, out))
                bias = (self.parameter((out,)),) if draw(st.booleans()) else ()
                return op(weight_layout=layout), (x, weight, *bias)
            case "matmul":
                return op(), (x, self.factor(shape)) if draw(st.booleans()) else (self.factor(shape), x)
            case "sub" | "mul":
                return op(), (x, self.partner(shape))
            case "add" | "concat":
                options = {"axis": draw(axis)} if kind == "concat" else {}
                return op(**options), (x, *(self.partner(shape) for _ in range(draw(st.integers(1, 2)))))
            case "sum" | "mean":
                axes = draw(st.none() | st.lists(axis, max_size=rank, unique_by=lambda i: i % max(rank, 1)).map(tuple))
                return op(axes=axes, keepdims=draw(st.booleans())), (x,)
            case "reshape":
                to = draw(st.sampled_from([(-1,), (1, *shape), (*shape, 1), shape[::-1], (2, -1)]))
                return op(to=to), (x,)
            case "transpose":
                return op(axes=draw(st.none() | st.permutations(range(rank)).map(tuple))), (x,)
            case "slice":
                start, stop = draw(st.none() | st.integers(-3, 2)), draw(st.none() | st.integers(-2, 4))
                return op(axis=draw(axis), start=start, stop=stop, step=draw(st.integers(1, 2))), (x,)
            case "broadcast":
                return op(to=(draw(LENGTHS), *shape)), (x,)
        return op(), (x,)

    def partner(self, shape: Shape) -> str:
        """Something to add to a value of that shape, or to multiply it with."""
        alike = [name for name, other in self.shapes.items() if other == shape]
        new = [shape, shape[1:], (self.draw(LENGTHS), *shape), (*shape[:-1], 1)[: len(shape)]]
        match self.draw(st.sampled_from(["alike", "any", "new"])):
            case "alike":
                return self.draw(st.sampled_from(alike))
            case "any":
                return self.any()
        return self.parameter(self.draw(st.sampled_from(new)))

    def factor(self, shape: Shape) -> str:
        """Something that may have a matrix product with a value of that shape, before or after it."""
        if self.draw(st.booleans()):
            return self.any()
        last, rows = (*shape, 1)[len(shape) - 1], shape[-2:-1]
        new = [(last,), rows, (last, self.draw(LENGTHS)), (self.draw(LENGTHS), *(rows or (last,)))]
        return self.parameter(self.draw(st.sampled_from(new)))


@dataclass(frozen=True)
class Network:
    """A drawn network and numbers for it."""

    graph: Graph
    plan: Plan
    arrays: dict[str, np.ndarray[Any, Any]]
    pairs: tuple[tuple[str, str], ...]
    """Nodes, and what they are differentiated by."""

    def __repr__(self) -> str:
        values = [f"{'N × ' if slot.batched else ''}{slot.name} {list(slot.shape)}" for slot in self.plan.slots]
        nodes = [f"{node.name} = {node.op} of {', '.join(node.inputs)}" for node in self.graph.order]
        return f"N = {self.plan.batch}; " + "; ".join([*values, *nodes])

    @property
    def differentiable(self) -> tuple[str, ...]:
        return tuple(slot.name for slot in self.plan.slots if slot.name not in (TARGETS, LOSS))

    def batched(self, name: str) -> bool:
        return self.plan.slots[self.plan.index[name]].batched

    @cached_property
    def shifted(self) -> dict[str, torch.Tensor]:
        """The leaves, and zero for every node: what torch differentiates by."""
        found = {}
        for name in self.differentiable:
            shape = self.plan.full_shape(self.plan.index[name])
            found[name] = torch.from_numpy(self.arrays[name]) if name in self.arrays else torch.zeros(shape).double()
        return found

    def one(self, given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Every value for one example, by torch."""
        held = dict(given)
        for node in self.graph.order:
            held[node.name] = given[node.name] + BY_TORCH[node.op.name](node.op, *(held[i] for i in node.inputs))
        return held

    def over_batch(self, function: Callable[..., Any], *leading: Any) -> Any:
        """`function` of one example of each of `leading` and of all that is shifted, mapped over the batch."""
        axes = {name: 0 if self.batched(name) else None for name in self.shifted}
        return torch.func.vmap(function, in_dims=(*(0 for _ in leading), axes))(*leading, self.shifted)

    def run(self, backend: str) -> Trace:
        xp = choose(backend, device_of(backend), "float64")
        return run_forward(self.plan, xp, {name: xp.asarray(array) for name, array in self.arrays.items()})


@st.composite
def networks(draw: Any) -> Network:
    sketch, batch = Sketch(draw), draw(st.integers(1, 4))
    for kind in draw(st.sampled_from(["x", "xx", "px", "xpx"])):
        sketch.leaf(kind, draw(st.lists(LENGTHS, min_size=draw(st.sampled_from([0, 1, 1, 2])), max_size=2).map(tuple)))
    for kind in draw(st.lists(st.sampled_from(KINDS), min_size=5, max_size=14)):
        sketch.node(kind)
    ends = [node.name for node in sketch.nodes if sketch.batched[node.name]]
    assume(ends)
    output = ends[-1]
    leaves = [name for name in sketch.shapes if name[0] in "xp"]
    inputs = tuple(name for name in leaves if name[0] == "x")
    parameters = tuple(name for name in leaves if name[0] == "p")
    nodes = tuple(draw(st.permutations(sketch.nodes)))
    loss = Node(LOSS, find("squared_error")(reduction=draw(st.sampled_from(["sum", "mean"]))), (output, TARGETS))
    graph = Graph(inputs, parameters, nodes, output, loss)
    plan = make_plan(graph, {**sketch.shapes, TARGETS: sketch.shapes[output]}, batch)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    arrays = {name: rng.uniform(-1.5, 1.5, plan.full_shape(plan.index[name])) for name in (*leaves, TARGETS)}
    ofs = draw(st.lists(st.sampled_from([node.name for node in nodes]), min_size=1, max_size=3))
    pairs = tuple((of, draw(st.sampled_from(_before(plan, of)) | st.sampled_from(list(sketch.shapes)))) for of in ofs)
    network = Network(graph, plan, arrays, pairs)
    _assume_tame(network)
    return network


def _before(plan: Plan, of: str) -> list[str]:
    """What a value depends on, itself included."""
    return [plan.slots[i].name for i in sorted(reachable(plan, plan.index[of], range(len(plan.slots))))]


def _assume_tame(network: Network) -> None:
    """Values of moderate size, and none that goes into a relu near its kink."""
    trace = network.run("numpy")
    assume(all(np.abs(value).max() < 1e3 for value in trace.values))
    for step, point in zip(network.plan.steps, trace.points, strict=True):
        assume(step.op.name != "relu" or np.abs(point.inputs[0]).min() > MARGIN)


@pytest.fixture(scope="session")
def network_strategy() -> st.SearchStrategy[Network]:
    """Networks with their numbers."""
    return networks()
