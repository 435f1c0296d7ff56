"""The flow of a gradient through a network, as a reply tells of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class NodeFlow:
    """What reaches a node: the norm of ∂C/∂node over the batch, and the share of its units that are saturated or
    inactive, None where none can be."""

    node: str
    op: str
    cotangent: float
    saturated: float | None
    inactive: float | None


@dataclass(frozen=True)
class Flow:
    """The flow through the network with one activation, None for the network as it is.

    nodes: by name, in the order they are computed. gradients: the norm of each parameter's gradient.
    loss: None where an upstream stands in its place. kink_count: elements that were differentiated at a kink.
    """

    activation: str | None
    loss: float | None
    nodes: Mapping[str, NodeFlow]
    gradients: Mapping[str, float]
    kink_count: int


def flows(sent: Sequence[Mapping[str, Any]]) -> list[Flow]:
    """The flows that a reply tells of."""
    return [_flow(each) for each in sent]


def _flow(sent: Mapping[str, Any]) -> Flow:
    nodes = {node["node"]: NodeFlow(**{**node, "cotangent": float(node["cotangent"])}) for node in sent["nodes"]}
    loss = None if sent.get("loss") is None else float(sent["loss"])
    norms = {name: float(size) for name, size in sent["gradients"].items()}
    return Flow(sent["activation"], loss, nodes, norms, sent["kink_count"])
