"""From a request's words to the engine's graph: names, ops, and where each leaf's numbers come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.engine.errors import EngineError, GraphError
from chainrule.engine.graph import DATA, INPUT, LOSS, TARGETS, Graph, Node
from chainrule.engine.near_names import nearest
from chainrule.engine.op import Op, options_of, wire_name
from chainrule.engine.registry import find
from chainrule.operations.naming import LayerNames, check_names, name_layers
from chainrule.operations.refusals import Refused, refuse
from chainrule.schemas.networks import Drawn
from chainrule.schemas.ops import OpSpec
from chainrule.schemas.pointers import escaped
from chainrule.schemas.requests import Problem
from chainrule.schemas.tensors import TensorSlot

FLOAT32_MAX = float.fromhex("0x1.fffffep+127")

Source = TensorSlot | Drawn
"""Where a leaf's numbers come from: the request's arrays, or a seed."""


@dataclass
class Pointers:
    """Where in the request the things are that an error may be about, as JSON pointers."""

    names: dict[str, str] = field(default_factory=dict)
    """By the name of a node, parameter or input."""
    operands: dict[tuple[str, str], str] = field(default_factory=dict)
    """By a node's name and its op's name for a parameter of it."""
    output: str = ""
    """The node that the loss is taken of."""

    def refusal(self, error: EngineError) -> Refused:
        """The engine's error as a refusal that points into the request."""
        where, operand = error.where or "", error.operand or ""
        of_loss = where in (LOSS, DATA) and where not in self.names
        if of_loss and operand == "prediction":
            of_loss, where = False, self.output
        pointer = self.operands.get((where, operand)) or self.names.get(where, "/network")
        if of_loss:
            pointer = "/targets" if operand == "targets" else "/loss"
        of_node = where in self.names and not isinstance(error, GraphError)
        message = f"node {where}: {error.message}" if of_node else error.message
        return refuse(pointer, message)


@dataclass(frozen=True)
class Description:
    """A graph, the sources of its leaves by name, and pointers for its errors."""

    graph: Graph
    sources: dict[str, Source]
    pointers: Pointers


def describe(request: Problem) -> Description:
    """The graph of a request. Raises Refused."""
    builder = _Builder(request)
    graph_inputs = tuple(builder.inputs)
    network = request.network
    names = _names(request)
    previous = next(iter(graph_inputs), "")
    for position, (spec, named) in enumerate(zip(network.specs(), names, strict=True)):
        kind = "layers" if network.layers is not None else "nodes"
        taken = (previous,) if network.layers is not None else builder.taken(spec.inputs, position)
        builder.node(spec, named, taken, f"/network/{kind}/{position}")
        previous = named.node
    output = network.output or previous
    check_names(builder.pointers.names.items(), output, graph_inputs)
    return builder.finish(graph_inputs, output)


def _names(request: Problem) -> list[LayerNames]:
    network = request.network
    if network.layers is not None:
        if isinstance(request.inputs, dict) and len(request.inputs) != 1:
            raise refuse("/inputs", "layers take one input: give one tensor, or write the network as nodes")
        return name_layers((find(spec.op), spec.name) for spec in network.specs())
    return [
        LayerNames(spec.name, {name: f"{spec.name}.{name}" for name in find(spec.op).parameters})
        for spec in network.specs()
    ]


class _Builder:
    """Nodes, sources and pointers as they are met."""

    def __init__(self, request: Problem) -> None:
        self.request = request
        if isinstance(request.inputs, dict):
            self.inputs = request.inputs
            self.pointers = Pointers({name: f"/inputs/{escaped(name)}" for name in self.inputs})
        else:
            self.inputs = {INPUT: request.inputs}
            self.pointers = Pointers({INPUT: "/inputs"})
        self.sources: dict[str, Source] = {**self.inputs}
        self.nodes: list[Node] = []
        self.parameters: list[str] = []
        self.references: list[tuple[str, str, str]] = []
        """Names that have to be those of a parameter, a value or a node: which of them, pointer, name."""
        for name, source in request.network.parameters.items():
            self._parameter(name, source, f"/network/parameters/{escaped(name)}")

    def taken(self, names: Iterable[str], position: int) -> tuple[str, ...]:
        """What the node at a position takes."""
        pointer = f"/network/nodes/{position}/inputs"
        self.references += [("value", f"{pointer}/{index}", name) for index, name in enumerate(names)]
        return tuple(names)

    def node(self, spec: OpSpec, named: LayerNames, taken: tuple[str, ...], pointer: str) -> None:
        op = find(spec.op)
        self._claim(named.node, pointer)
        held = tuple(self._parameters_of(spec, op, named, pointer))
        self.nodes.append(Node(named.node, self._op(spec, pointer), (*taken, *held)))

    def finish(self, inputs: tuple[str, ...], output: str) -> Description:
        if self.request.network.output is not None:
            self.references.append(("node", "/network/output", output))
        self._check_references()
        self.pointers.output = output
        loss: Node | None = None
        penalties: tuple[Node, ...] = ()
        if self.request.takes_loss and self.request.loss is not None and self.request.targets is not None:
            loss = Node(LOSS, self._op(self.request.loss, "/loss"), (output, TARGETS))
            self.sources[TARGETS] = self.request.targets
            penalties = tuple(self._penalties())
        try:
            graph = Graph(inputs, tuple(self.parameters), tuple(self.nodes), output, loss, penalties)
        except EngineError as error:
            raise self.pointers.refusal(error) from None
        return Description(graph, self.sources, self.pointers)

    def _parameters_of(self, spec: OpSpec, op: type[Op], named: LayerNames, pointer: str) -> Iterator[str]:
        for parameter in op.parameters:
            given = getattr(spec, parameter)
            if given is None:
                continue
            self.pointers.operands[named.node, parameter] = f"{pointer}/{parameter}"
            if isinstance(given, str):
                self.references.append(("parameter", f"{pointer}/{parameter}", given))
                yield given
                continue
            self._parameter(named.parameters[parameter], given, f"{pointer}/{parameter}")
            yield named.parameters[parameter]

    def _check_references(self) -> None:
        """Refuse the first name that is not of what it has to be."""
        kinds = {**dict.fromkeys(self.inputs, "an input"), **dict.fromkeys(self.parameters, "a parameter")}
        kinds |= {node.name: "a node" for node in self.nodes}
        allowed = {
            "parameter": ("a parameter", "a node"),  # a node of parameters alone; the plan sees to that
            "value": ("an input", "a parameter", "a node"),
            "node": ("an input", "a node"),
        }
        for wanted, pointer, name in self.references:
            if kinds.get(name) not in allowed[wanted]:
                likely = ("a parameter",) if wanted == "parameter" else allowed[wanted]
                names = [other for other, kind in kinds.items() if kind in likely]
                raise refuse(pointer, _unfit(wanted, name, kinds.get(name), names))

    def _penalties(self) -> Iterator[Node]:
        for position, spec in enumerate(self.request.penalties):
            pointer = f"/penalties/{position}"
            for index, name in enumerate(spec.parameters):
                if name not in self.parameters:
                    raise refuse(f"{pointer}/parameters/{index}", _unfit("parameter", name, None, self.parameters))
                if name in spec.parameters[:index]:
                    raise refuse(f"{pointer}/parameters/{index}", f"{name} is named twice: name it once")
            penalty = f"{find(spec.op).name}{position + 1}"
            for name in spec.parameters:
                self._claim(f"{penalty}.{name}", pointer)
                yield Node(f"{penalty}.{name}", self._op(spec, pointer), (name,))

    def _op(self, spec: Any, pointer: str) -> Op:
        op = make_op(spec)
        check_precision(op, pointer, self.request.dtype)
        return op

    def _parameter(self, name: str, source: Source, pointer: str) -> None:
        self._claim(name, pointer)
        self.parameters.append(name)
        self.sources[name] = source

    def _claim(self, name: str, pointer: str) -> None:
        other = self.pointers.names.setdefault(name, pointer)
        if other is not pointer:
            raise refuse(pointer, f"two things are called {name} (the other is at {other}): rename one")


def _unfit(wanted: str, name: str, kind: str | None, names: Sequence[str]) -> str:
    """Of a name that is of another kind than is wanted, or of nothing, where `names` would do."""
    if wanted == "parameter" and (kind or not names):
        found = f"{name} is {kind}, not a parameter" if kind else f"there is no parameter {name}"
        return f"{found}: give a tensor here, or put it under network.parameters"
    if kind:
        return f"{name} is {kind}, not a node; {nearest(name, names)}"
    kinds = "input, parameter or node" if wanted == "value" else wanted
    return f"there is no {kinds} called {name}; {nearest(name, names)}"


def check_precision(op: Op, pointer: str, dtype: str) -> None:
    """Let an op pass whose numbers the dtype asked for can hold. Raises Refused."""
    for option in options_of(type(op)) if dtype == "float32" else ():
        name, found = wire_name(option), _lost(getattr(op, option.name), above_0=option.metadata["above"] == 0)
        if found is not None:
            raise refuse(f"{pointer}/{name}", f'{name} is {found}: write "dtype": "float64"')


def _lost(value: Any, *, above_0: bool) -> str | None:
    """What becomes of an option's value in float32, where it is no longer what was written."""
    numbers = [number for number in (value if isinstance(value, tuple) else (value,)) if isinstance(number, float)]
    if any(abs(number) > FLOAT32_MAX for number in numbers):
        return "a number beyond float32 (3.4e38)"
    return "0 in float32" if above_0 and any(np.float32(number) == 0 for number in numbers) else None


def make_op(spec: Any) -> Op:
    """The engine's op that a spec, or a loss's bare name, describes."""
    if isinstance(spec, str):
        return find(spec)()
    op = find(spec.op)
    return op(**{option.name: getattr(spec, wire_name(option)) for option in options_of(op)})
