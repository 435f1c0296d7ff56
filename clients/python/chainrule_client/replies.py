"""Replies: what the service answered, with NumPy arrays for tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.schemas.encoding import to_array
from chainrule_client.flows import flows
from chainrule_client.graphs import graph_edges, graph_nodes
from chainrule_client.jacobians import Jacobian, jacobians
from chainrule_client.tensors import Array
from chainrule_client.training import training_steps


@dataclass(frozen=True, eq=False)
class TraceEntry:
    """One node's forward pass. `inputs` maps each of the op's inputs to the name of the value it was given."""

    node: str
    op: str
    inputs: Mapping[str, str]
    output: Array


@dataclass(frozen=True, eq=False)
class Step:
    """One node's part in the backward pass, its inputs by the op's names for them.

    cotangent: ∂C/∂(the node's output). local: the node's own Jacobian with respect to each input (without a batch axis
    where every example has the same). contributes: the cotangent that it passes on to each.
    """

    node: str
    op: str
    inputs: Mapping[str, str]
    cotangent: Array
    local: Mapping[str, Jacobian]
    contributes: Mapping[str, Array]


@dataclass(frozen=True)
class Kink:
    """A node was differentiated at a kink: at `index` of its input, as if its derivative were `value`.

    step: of a training, the step at which it was."""

    node: str
    index: tuple[int, ...]
    value: float
    step: int | None = None


class Reply(Mapping[str, Any]):
    """A reply. Fields by attribute (`reply.loss`) or by key (`reply["loss"]`); asking for an absent one says so.

    The properties below are those that have a type of their own here; any other field, such as the `nodes` and `order`
    of `validate`, is an attribute all the same.
    `raw` is the JSON object as it came (in process: the same tree, holding arrays).
    """

    def __init__(self, raw: Mapping[str, Any], *, request_id: str | None = None) -> None:
        self.raw = raw
        self.request_id = request_id
        read = {} if "symbols" in raw else _READ  # formulas stand where other replies have tensors
        self._fields = {name: read[name](value) if name in read else value for name, value in raw.items()}

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # no field; and a copy asks for some before it has any fields
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self._field(name)

    def __dir__(self) -> Iterator[str]:
        yield from super().__dir__()
        yield from self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    __eq__ = object.__eq__  # a mapping's would compare arrays
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"Reply({', '.join(f'{name}: {_brief(value)}' for name, value in self._fields.items())})"

    def _field(self, name: str) -> Any:
        try:
            return self._fields[name]
        except KeyError:
            raise AttributeError(f"this reply has no {name}; it has {', '.join(self._fields)}") from None

    @property
    def outputs(self) -> Array:
        """The network's output ŷ."""
        return self._field("outputs")  # type: ignore[no-any-return]

    @property
    def loss(self) -> float | Array:
        """The loss C: a number, or an array under the reduction `none`."""
        return self._field("loss")  # type: ignore[no-any-return]

    @property
    def gradients(self) -> Mapping[str, Array]:
        """∂C/∂(each name)."""
        return self._field("gradients")  # type: ignore[no-any-return]

    @property
    def per_example(self) -> Mapping[str, Any]:
        """`loss` or `gradients`, with a leading axis of examples."""
        return self._field("per_example")  # type: ignore[no-any-return]

    @property
    def jacobians(self) -> Mapping[str, Jacobian]:
        """By `of/wrt`."""
        return self._field("jacobians")  # type: ignore[no-any-return]

    @property
    def trace(self) -> Mapping[str, TraceEntry]:
        """The forward pass by node, in the order of evaluation."""
        return self._field("trace")  # type: ignore[no-any-return]

    @property
    def drawn(self) -> Mapping[str, Array]:
        """With a trace: the parameters that were drawn."""
        return self._field("drawn")  # type: ignore[no-any-return]

    @property
    def steps(self) -> Mapping[str, Step]:
        """The backward pass by node, from the loss to the inputs."""
        return self._field("steps")  # type: ignore[no-any-return]

    @property
    def kinks(self) -> Sequence[Kink]:
        """Where a derivative was asked for at a kink: the first of them; `kink_count` is how many there are."""
        return self._field("kinks")  # type: ignore[no-any-return]

    @property
    def kink_count(self) -> int:
        """How many elements sit on a kink."""
        return self._field("kink_count")  # type: ignore[no-any-return]

    @property
    def verification(self) -> Mapping[str, Any]:
        """How the gradients compare with an independent check."""
        return self._field("verification")  # type: ignore[no-any-return]

    @property
    def warnings(self) -> Sequence[str]:
        """What the caller should know about these numbers."""
        return self._field("warnings")  # type: ignore[no-any-return]

    @property
    def meta(self) -> Mapping[str, Any]:
        """Version, conventions, backend, device and dtype of the computation."""
        return self._field("meta")  # type: ignore[no-any-return]


def op_description(answer: Mapping[str, Any]) -> dict[str, Any]:
    """An op of the catalogue, the points of its curve as arrays."""
    curve = answer.get("curve")
    return {**answer, "curve": curve and _by_name(curve)}


def _scalar_or_array(tensor: Any) -> float | Array:
    array = to_array(tensor)
    return float(array) if array.ndim == 0 else array


def _by_name(tensors: Mapping[str, Any]) -> dict[str, Array]:
    return {name: to_array(tensor) for name, tensor in tensors.items()}


def _trace(entries: Sequence[Mapping[str, Any]]) -> dict[str, TraceEntry]:
    return {
        entry["node"]: TraceEntry(entry["node"], entry["op"], entry["inputs"], to_array(entry["output"]))
        for entry in entries
    }


def _steps(entries: Sequence[Mapping[str, Any]]) -> dict[str, Step]:
    return {
        entry["node"]: Step(
            entry["node"],
            entry["op"],
            entry["inputs"],
            to_array(entry["cotangent"]),
            jacobians(entry["local"]),
            _by_name(entry["contributes"]),
        )
        for entry in entries
    }


def _per_example(sent: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _by_name(part) if isinstance(part, Mapping) else to_array(part) for name, part in sent.items()}


def _kinks(sent: Sequence[Mapping[str, Any]]) -> list[Kink]:
    return [Kink(kink["node"], tuple(kink["index"]), float(kink["value"]), kink.get("step")) for kink in sent]


def _verification(sent: Mapping[str, Any]) -> dict[str, Any]:
    return {**sent, "deviations": {name: float(found) for name, found in sent["deviations"].items()}}


def _numbers_drawn(tree: Any) -> Any:
    """A problem with its tensors as arrays. What may be part of the structure, a flat list of integers, stays one."""
    if isinstance(tree, Mapping):
        return {name: _numbers_drawn(item) for name, item in tree.items()}
    if isinstance(tree, np.ndarray):
        return tree.copy()
    if not isinstance(tree, list):
        return tree
    if any(isinstance(item, Mapping | str) for item in tree):
        return [_numbers_drawn(item) for item in tree]
    array = np.array(tree)
    return array if array.dtype.kind == "f" or array.ndim > 1 else tree


_READ: Mapping[str, Callable[[Any], Any]] = {
    "problem": _numbers_drawn,
    "outputs": to_array,
    "loss": _scalar_or_array,
    "gradients": _by_name,
    "per_example": _per_example,
    "jacobians": jacobians,
    "trace": _trace,
    "drawn": _by_name,
    "steps": _steps,
    "kinks": _kinks,
    "verification": _verification,
    "losses": to_array,
    "moved": _by_name,
    "recorded": training_steps,
    "flows": flows,
    "nodes": graph_nodes,
    "edges": graph_edges,
}


def _brief(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"array {list(value.shape)}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_brief(item)}' for key, item in value.items())}}}"
    if isinstance(value, Jacobian):
        return f"{value.structure} {list(value.shape)}"
    if isinstance(value, TraceEntry | Step):
        return value.op
    return repr(value)
