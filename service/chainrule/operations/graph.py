"""`graph`: the nodes and edges of a computation, with values and gradients where asked for; as JSON, DOT and SVG."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np

from chainrule.engine.backward import Cotangent, backward_program, pull_back
from chainrule.engine.cost import BACKWARD, Cost, forward_cost, gradients_cost
from chainrule.engine.edges import Edge, along_edges
from chainrule.engine.fused import fuse, fused_warnings
from chainrule.engine.kinks import find_kinks, with_kinks
from chainrule.engine.loss_warnings import loss_warnings
from chainrule.engine.plan import Step
from chainrule.engine.trace import Trace, never
from chainrule.operations.limits import Limits
from chainrule.operations.objective import objective_slot, upstream_array
from chainrule.operations.prepared import Arrays, Prepared
from chainrule.operations.refusals import refuse
from chainrule.operations.results import Reply, Results, check_layout
from chainrule.pictures.dot import graph_dot as to_dot
from chainrule.pictures.graphs import Arrow, Box
from chainrule.pictures.graphs import graph_svg as to_svg
from chainrule.pictures.layout import NoLayout, TooLarge
from chainrule.schemas.encoding import to_array
from chainrule.schemas.graph import GraphRequest

SYMBOLS = {"add": "+", "sub": "−", "mul": "×", "matmul": "@"}
"""What stands in a picture for an op's name."""
MOST_SHOWN = 3
"""Numbers of a value that a picture has room for; of a gradient with more it shows the norm."""


class Graph:
    """One request of `graph`, ready to run."""

    def __init__(self, prepared: Prepared, limits: Limits) -> None:
        assert isinstance(prepared.request, GraphRequest)
        self.prepared, self.request = prepared, prepared.request
        plan = prepared.plan
        self.computed = frozenset(plan.nodes)
        self.slots = {slot.name: number for number, slot in enumerate(plan.slots) if number != plan.targets}
        if self.request.gradients:
            self.of = objective_slot(prepared, self.request)
            check_layout(prepared, self.slots, "gradient of")
            self.program = backward_program(plan, self.of, self.slots.values())
        self.cost: Cost = self._cost()
        limits.check(self.cost, self.request.dtype)

    def run(self, arrays: Arrays, cancelled: Callable[[], bool] = never) -> Reply:
        """The reply. Raises Refused, and Cancelled."""
        plan, results, request = self.prepared.plan, Results(self.prepared), self.request
        nodes, edges = list(self._nodes()), list(self._edges())
        reply: Reply = {"nodes": nodes, "edges": edges, "output": plan.slots[plan.output].name}
        warnings: list[str] = []
        if request.values or request.gradients:
            trace = self.prepared.trace(arrays, cancelled)
            warnings += loss_warnings(trace)
            if plan.loss is not None:
                reply["loss"] = results.value(plan.loss, trace.values[plan.loss])
            if request.values:
                for slot, node in enumerate(nodes):
                    node["value"] = results.value(slot, trace.values[slot])
            if request.gradients:
                warnings += self._add_gradients(reply, trace, results, arrays, cancelled)
        if request.format == "svg":
            reply["svg"] = graph_svg(reply)
        if request.format == "dot":
            reply["dot"] = graph_dot(reply)
        return results.finish(reply, warnings)

    def _add_gradients(
        self, reply: Reply, trace: Trace, results: Results, arrays: Arrays, cancelled: Callable[[], bool]
    ) -> list[str]:
        """∂C/∂node at each node, and at each edge its share. What there is to say of it."""
        upstream = upstream_array(self.prepared, self.request, arrays)
        fused = fuse(trace) if upstream is None else None
        seed: Cotangent = 1.0 if upstream is None else upstream
        found = pull_back(trace, self.program, seed, fused=fused, cancelled=cancelled)
        for slot, cotangent in found.items():
            reply["nodes"][slot]["gradient"] = results.gradient(slot, results.array(slot, cotangent))
        shares = along_edges(trace, self.program, found, fused)
        for (number, position), edge in zip(self._operands(), reply["edges"], strict=True):
            share = shares.get((number, position))
            if share is not None:
                slot = trace.plan.steps[number].inputs[position]
                edge["gradient"] = results.gradient(slot, share)
        at_kinks = with_kinks(trace.plan, (number for number, *_ in self.program.steps))
        reply["kink_count"], _ = find_kinks(trace, at_kinks, most=0)
        return fused_warnings(trace, fused)

    def _nodes(self) -> Iterator[Reply]:
        plan = self.prepared.plan
        for slot, held in enumerate(plan.slots):
            step = plan.producer(slot)
            about = {"kind": self._kind(slot, step), "op": None if step is None else step.op.name}
            yield {"name": held.name, **about, "shape": list(self.prepared.shape(slot))}

    def _edges(self) -> Iterator[Reply]:
        plan = self.prepared.plan
        for number, position in self._operands():
            step = plan.steps[number]
            source = plan.slots[step.inputs[position]].name
            yield {"source": source, "target": step.name, "operand": step.operands[position]}

    def _operands(self) -> Iterator[Edge]:
        for number, step in enumerate(self.prepared.plan.steps):
            yield from ((number, position) for position in range(len(step.inputs)))

    def _kind(self, slot: int, step: Step | None) -> str:
        plan = self.prepared.plan
        if step is not None:
            return "node" if step.name in self.computed else "penalty" if step.op.family == "penalty" else "loss"
        if slot == plan.targets:
            return "targets"
        return "input" if plan.slots[slot].name in plan.inputs else "parameter"

    def _cost(self) -> Cost:
        plan, request = self.prepared.plan, self.request
        cost = Cost(calls=len(plan.steps))
        sizes = [prod(plan.full_shape(slot)) for slot in range(len(plan.slots))]
        if request.values or request.gradients:
            cost += self.prepared.cost + forward_cost(plan)
        if request.values:
            cost += Cost(returned=sum(sizes))
        if request.gradients:
            passed = sum(sizes[slot] for step in plan.steps for slot in step.inputs)
            cost += gradients_cost(plan, self.program.keeps)
            cost += Cost(BACKWARD * plan.flops, passed, passed, sum(len(step.inputs) for step in plan.steps))
        return cost


def graph_svg(reply: Reply) -> str:
    """The graph of a reply, drawn. Raises Refused where it is too large, or what lays it out is not installed."""
    try:
        return to_svg("The graph of " + reply["output"], *_parts(reply))
    except NoLayout:
        raise refuse(
            "/format", "drawing a graph needs fast-sugiyama: pip install 'chainrule[pictures]', or ask for dot"
        ) from None
    except TooLarge as error:
        raise refuse("/format", f"{error}: ask for dot or json") from None


def graph_dot(reply: Reply) -> str:
    """The graph of a reply in DOT."""
    return to_dot("The graph of " + reply["output"], *_parts(reply))


def _parts(reply: Reply) -> tuple[list[Box], list[Arrow]]:
    nodes = reply["nodes"]
    number = {node["name"]: at for at, node in enumerate(nodes)}
    arrows = [
        Arrow(
            number[edge["source"]],
            number[edge["target"]],
            _shown(nodes[number[edge["source"]]].get("value")),
            _shown(edge.get("gradient"), norm=True),
        )
        for edge in reply["edges"]
    ]
    return [_box(node) for node in nodes], arrows


def _box(node: Reply) -> Box:
    lines = [node["name"]]
    if node["op"] is not None:
        lines.append(SYMBOLS.get(node["op"], node["op"]))
    if node["shape"]:
        lines.append("×".join(map(str, node["shape"])))
    return Box(lines, node["kind"])


def _shown(value: Any, *, norm: bool = False) -> str | None:
    """A few numbers; of more the norm, where that is wanted."""
    array = None if value is None else to_array(value)
    if array is None or array.size > MOST_SHOWN:
        return f"‖…‖ {np.linalg.norm(array.ravel()):.3g}" if array is not None and norm else None
    numbers = ", ".join(f"{number:.4g}".replace("-", "−") for number in array.ravel())
    return numbers if array.ndim == 0 else f"[{numbers}]"
