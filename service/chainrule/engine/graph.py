"""A network as a DAG of named nodes, before any shape is known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from chainrule.engine.errors import GraphError
from chainrule.engine.near_names import known
from chainrule.engine.op import Op

LOSS = "C"
"""The node that holds the loss."""

DATA = "C.data"
"""The node that holds the loss before penalties, where there are penalties."""

TARGETS = "y"
"""The leaf that holds the targets."""

OUTPUT = "y_hat"
"""What the output answers to beside its own name."""

INPUT = "x"
"""What a single input answers to, and is called where it has no name."""


@dataclass(frozen=True)
class Node:
    """One op applied to earlier nodes, inputs and parameters, each by name, in the op's order."""

    name: str
    op: Op
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """Inputs and parameters (names), nodes in any order, and the name of the output node.

    `loss`, where there is one, is the node C, with the output and the targets as its inputs; `penalties` are nodes of
    parameters alone, whose values are added to it.
    """

    inputs: tuple[str, ...]
    parameters: tuple[str, ...]
    nodes: tuple[Node, ...]
    output: str
    loss: Node | None = None
    penalties: tuple[Node, ...] = ()

    def __post_init__(self) -> None:
        seen: set[str] = set()
        own = (*self.inputs, *self.parameters, *(node.name for node in (*self.nodes, *self.penalties)))
        for name in own:
            if name in seen:
                raise GraphError(f"two things are called {name!r}: give one of them another name", where=name)
            seen.add(name)
        if self.output not in {*self.inputs, *(node.name for node in self.nodes)}:
            raise GraphError(f"the output {self.output!r} is no node: {known(node.name for node in self.nodes)}")
        for node in self.nodes:
            for name in node.inputs:
                if name not in seen:
                    raise GraphError(
                        f"node {node.name!r} takes {name!r}, which is not here: {known(own)}", where=node.name
                    )

    @cached_property
    def order(self) -> tuple[Node, ...]:
        """The nodes, each after all that it takes (Kahn's algorithm). Raises GraphError where there is a cycle."""
        by_name = {node.name: node for node in self.nodes}
        missing = {node.name: len({name for name in node.inputs if name in by_name}) for node in self.nodes}
        takers: dict[str, list[str]] = {name: [] for name in by_name}
        for node in self.nodes:
            for name in {name for name in node.inputs if name in by_name}:
                takers[name].append(node.name)
        ready = [name for name in by_name if missing[name] == 0]
        ordered: list[Node] = []
        for name in ready:
            ordered.append(by_name[name])
            for taker in takers[name]:
                missing[taker] -= 1
                if missing[taker] == 0:
                    ready.append(taker)
        if len(ordered) < len(self.nodes):
            stuck = [name for name in by_name if missing[name] > 0]
            raise GraphError(f"the network has a cycle through {known(stuck)}", where=stuck[0])
        return tuple(ordered)
