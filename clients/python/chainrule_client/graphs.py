"""A graph as a reply tells of it, with NumPy arrays for tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chainrule.schemas.encoding import to_array
from chainrule_client.tensors import Array


@dataclass(frozen=True, eq=False)
class GraphNode:
    """An input, a parameter, the targets, or what an op makes of others: `kind` says which. op: None for what is given.

    value, gradient: None where not asked for, and for what C does not depend on.
    """

    name: str
    kind: str
    op: str | None
    shape: tuple[int, ...]
    value: Array | None = None
    gradient: Array | None = None


@dataclass(frozen=True, eq=False)
class GraphEdge:
    """One operand of a node. gradient: what the target adds to the source's; None where not asked for, or nothing."""

    source: str
    target: str
    operand: str
    gradient: Array | None = None


def graph_nodes(sent: Any) -> Any:
    """The nodes of a graph by name; those of `validate`, which are told otherwise, as they came."""
    if not all(isinstance(each, Mapping) and "kind" in each for each in sent):
        return sent
    return {each["name"]: GraphNode(**{**_arrays(each), "shape": tuple(each["shape"])}) for each in sent}


def graph_edges(sent: Sequence[Mapping[str, Any]]) -> list[GraphEdge]:
    """The edges of a graph."""
    return [GraphEdge(**_arrays(each)) for each in sent]


def _arrays(sent: Mapping[str, Any]) -> dict[str, Any]:
    return {**sent, **{name: to_array(sent[name]) for name in ("value", "gradient") if sent.get(name) is not None}}
