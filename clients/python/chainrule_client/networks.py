"""Networks in Python: layers one after another, or expressions that make a graph. Both become the wire's own object.

two_layers = Network.layers(linear(W1, b1), relu(scale=3), linear(W2, b2), identity())

x, W = Input("x"), Parameter("W", weights)
f, g = linear(W, name="f")(x), linear(W, name="g")(x)     # one W twice: a shared weight
branches = Network.graph(f + g)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, TypeAlias

import numpy as np


class Operand:
    """What an op can be applied to: an input, a parameter or a node. `+`, `-`, `*` and `@` make nodes of them."""

    __array_ufunc__ = None  # so that an array on the left of an operator is refused, not spread over its entries

    def __add__(self, other: Operand) -> Node:
        return Layer("add")(self, other)

    def __sub__(self, other: Operand) -> Node:
        return Layer("sub")(self, other)

    def __mul__(self, other: Operand) -> Node:
        return Layer("mul")(self, other)

    def __matmul__(self, other: Operand) -> Node:
        return Layer("matmul")(self, other)


@dataclass(frozen=True, eq=False)
class Input(Operand):
    """An input of the network, by name. Its axis 0 is the batch."""

    name: str


@dataclass(frozen=True, eq=False)
class Parameter(Operand):
    """A parameter with a name of its own. Used twice it is a shared weight, whose gradient is the sum.

    `value` is a tensor, or numbers to be drawn (see `draw`).
    """

    name: str
    value: Any


@dataclass(frozen=True, eq=False)
class Layer:
    """One op with its options and parameters, in the wire's names.

    A parameter is a tensor in place, a `Parameter`, the name of one, or numbers to be drawn (see `draw`).
    Called on operands it makes a node, named as the layer is, or else after its op.
    """

    op: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None

    def __call__(self, *inputs: Operand) -> Node:
        for operand in inputs:
            if not isinstance(operand, Operand):
                kind = type(operand).__name__
                raise TypeError(f"{self.op} is applied to inputs, parameters and nodes, not to a {kind}")
        return Node(self, inputs)

    def __repr__(self) -> str:
        said = [_brief(field, value) for field, value in self.fields.items()]
        return f"{self.op}({', '.join([*said, *([f'name={self.name!r}'] if self.name else [])])})"


@dataclass(frozen=True, eq=False)
class Node(Operand):
    """An op applied: a value of the graph."""

    layer: Layer
    inputs: tuple[Operand, ...]


Spec: TypeAlias = Mapping[str, Any]
"""A network as it travels: `layers`, or `nodes` with `output`, and `parameters` by name."""


@dataclass(frozen=True, eq=False)
class Network:
    """A network to compute with. `spec` is the object that is sent."""

    spec: Spec

    @classmethod
    def layers(cls, *layers: Layer) -> Network:
        """Each layer feeds the next; the first is fed the input `x`.

        The i-th `linear` becomes node `s{i}` with parameters `W{i}` and `b{i}`, the activation after it `a{i}`.
        Raises ValueError if two different parameters share a name, and TypeError for what is no layer.
        """
        for position, layer in enumerate(layers, 1):
            if not isinstance(layer, Layer):
                raise TypeError(f"layer {position} is {_advice(layer)}")
        parameters = _Parameters()
        entries = [
            {"op": layer.op, **({"name": layer.name} if layer.name else {}), **parameters.by_name(layer, drawn_name)}
            for layer, drawn_name in zip(layers, _drawn_names(layers), strict=True)
        ]
        return cls({**parameters.spec(), "layers": entries})

    @classmethod
    def graph(cls, output: Node) -> Network:
        """The network whose output is that node: everything it depends on, each node once.

        Nodes without a name are called after their op: `add1`, `relu2`.
        Raises ValueError if two different nodes or parameters share a name, and TypeError for what is no node.
        """
        if not isinstance(output, Node):
            raise TypeError(f"the output of a graph is a node, an op applied, such as relu()(x); found {output!r:.100}")
        nodes = list(_in_order(output))
        names = _names(nodes)
        parameters = _Parameters()
        entries = [
            {
                "name": names[node],
                "op": node.layer.op,
                "inputs": [_operand_name(operand, names, parameters) for operand in node.inputs],
                **parameters.by_name(node.layer, partial(_OF_NODE, names[node])),
            }
            for node in nodes
        ]
        return cls({**parameters.spec(), "nodes": entries, "output": names[output]})

    def __repr__(self) -> str:
        entries = self.spec.get("layers", self.spec.get("nodes", ()))
        return f"Network({' → '.join(str(entry.get('name', entry['op'])) for entry in entries)})"


class _Parameters:
    """Named parameters, gathered while a network is written out."""

    def __init__(self) -> None:
        self._by_name: dict[str, Parameter] = {}

    def by_name(self, layer: Layer, drawn_name: Callable[[str], str]) -> dict[str, Any]:
        """The layer's fields, each `Parameter` among them replaced by its name.

        Numbers to be drawn can only stand under a name, so those in place are given `drawn_name` of their field.
        """
        fields = dict(layer.fields)
        for key, value in fields.items():
            if isinstance(value, Mapping):
                fields[key] = self.add(Parameter(drawn_name(key), value))
            elif isinstance(value, Parameter):
                fields[key] = self.add(value)
        return fields

    def add(self, parameter: Parameter) -> str:
        if self._by_name.setdefault(parameter.name, parameter) is not parameter:
            raise ValueError(f"two parameters are named {parameter.name!r}; use one Parameter twice to share it")
        return parameter.name

    def spec(self) -> dict[str, Any]:
        values = {name: parameter.value for name, parameter in self._by_name.items()}
        return {"parameters": values} if values else {}


_OF_NODE = "{}.{}".format


def _drawn_names(layers: Sequence[Layer]) -> Iterator[Callable[[str], str]]:
    """For each layer, what its drawn parameters are called: in `linear` as the service calls those in place."""
    linears = count(1)
    for position, layer in enumerate(layers, 1):
        if layer.op == "linear":
            number = next(linears)
            yield {"weight": f"W{number}", "bias": f"b{number}"}.__getitem__
        else:
            yield partial(_OF_NODE, layer.name or f"{layer.op}{position}")


def _operand_name(operand: Operand, names: Mapping[Operand, str], parameters: _Parameters) -> str:
    if isinstance(operand, Input):
        return operand.name
    if isinstance(operand, Parameter):
        return parameters.add(operand)
    return names[operand]


def _in_order(output: Node) -> Iterator[Node]:
    """Every node that `output` depends on, each after its inputs. Without recursion: a chain may be long."""
    done: set[Node] = set()
    pending = [output]
    while pending:
        node = pending[-1]
        before = [operand for operand in node.inputs if isinstance(operand, Node) and operand not in done]
        if before:
            pending.extend(reversed(before))
            continue
        pending.pop()
        if node not in done:
            done.add(node)
            yield node


def _names(nodes: list[Node]) -> dict[Operand, str]:
    given = Counter(node.layer.name for node in nodes if node.layer.name)
    twice = [name for name, times in given.items() if times > 1]
    if twice:
        raise ValueError(f"two nodes are named {twice[0]!r}; give each layer that is applied its own name")
    taken = set(given)
    counts: dict[str, int] = {}
    names: dict[Operand, str] = {}
    for node in nodes:
        names[node] = node.layer.name or _next_name(node.layer.op, counts, taken)
    return names


def _advice(given: Any) -> str:
    """What stands where a layer should, and what to write instead."""
    if isinstance(given, str):
        return f"text: write op({given[:100]!r})"
    if isinstance(given, list | tuple):
        return f"a {type(given).__name__}: write Network.layers(*layers), each layer an argument"
    if isinstance(given, Node):
        return "a node, an op applied to operands: write Network.graph(output)"
    if callable(given) and hasattr(given, "__name__"):
        return f"the function {given.__name__} itself: write {given.__name__}()"
    return f"a {type(given).__name__}, not a layer: write linear(W, b), relu(), or op(name)"


def _next_name(op: str, counts: dict[str, int], taken: set[str]) -> str:
    while True:
        counts[op] = counts.get(op, 0) + 1
        name = f"{op}{counts[op]}"
        if name not in taken:
            return name


def _brief(field: str, value: Any) -> str:
    if isinstance(value, Parameter):
        return f"{field}={value.name!r}"
    if isinstance(value, str | int | float | Mapping):
        return f"{field}={value!r}"
    return f"{field}: {list(np.shape(value))}"
