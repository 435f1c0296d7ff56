"""The request and the reply of `graph`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chainrule.schemas.documented import ComputedReply, Documented, ResultTensor, Shape
from chainrule.schemas.requests import Differentiated


class GraphRequest(Differentiated):
    """The computation as a graph: nodes, edges and shapes, and the values and gradients where asked for."""

    values: bool = Field(default=False, description="Also each node's value.")
    gradients: bool = Field(
        default=False, description="Also ∂C/∂node, and at each edge what comes back along it: they sum to it."
    )
    format: Literal["json", "dot", "svg"] = Field(
        default="json", description="dot, svg: the reply has the graph in that form, too."
    )


class GraphNode(Documented):
    """An input, a parameter, the targets, or what an op makes of others."""

    name: str
    kind: Literal["input", "parameter", "targets", "node", "penalty", "loss"]
    op: str | None = Field(description="Null for what is given.")
    shape: Shape
    value: ResultTensor | None = Field(default=None, description="Where asked for.")
    gradient: ResultTensor | None = Field(default=None, description="Where asked for, and C depends on it: ∂C/∂node.")


class GraphEdge(Documented):
    """One operand of a node. Two edges between the same nodes are two operands."""

    source: str
    target: str
    operand: str = Field(description="The target's name for it.")
    gradient: ResultTensor | None = Field(
        default=None, description="Where asked for: what the target adds to the source's gradient."
    )


class GraphReply(ComputedReply):
    """The graph."""

    nodes: list[GraphNode] = Field(description="What is given, and then the rest in the order it is computed.")
    edges: list[GraphEdge]
    output: str = Field(description="The node that is the network's output.")
    loss: ResultTensor | None = Field(default=None, description="Where there are values or gradients, and a loss.")
    kink_count: int | None = Field(
        default=None, description="With gradients: how many elements were differentiated at a kink."
    )
    dot: str | None = Field(default=None, description="Where asked for: the graph in DOT.")
    svg: str | None = Field(default=None, description="Where asked for: the graph drawn.")
