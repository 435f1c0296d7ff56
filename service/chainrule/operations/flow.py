"""`flow`: how much of the gradient reaches each node, for each of some activations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from chainrule.engine.backends import Array
from chainrule.engine.backward import Program, backward_program, pull_back
from chainrule.engine.cost import Cost, forward_cost, gradients_cost
from chainrule.engine.errors import EngineError
from chainrule.engine.flow import NodeFlow, flow, norm
from chainrule.engine.fused import fuse, fused_warnings
from chainrule.engine.graph import Node
from chainrule.engine.kinks import find_kinks, with_kinks
from chainrule.engine.loss_warnings import loss_warnings
from chainrule.engine.op import Op, options_of, wire_name
from chainrule.engine.plan import Plan, make_plan
from chainrule.engine.trace import never, run_forward
from chainrule.operations.description import check_precision, make_op
from chainrule.operations.limits import Limits
from chainrule.operations.naming import resolve
from chainrule.operations.objective import objective_slot, upstream_array
from chainrule.operations.prepared import Arrays, Prepared
from chainrule.operations.refusals import Refused, refuse
from chainrule.operations.results import Reply, Results
from chainrule.pictures.flows import FlowLine, flows_svg
from chainrule.schemas.flow import FlowRequest
from chainrule.schemas.ops import is_activation

NUMBERS_A_NODE = 3
CALLS_A_NODE = 4
"""What measuring what reaches a node takes, in applications of an op."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """The network with one activation in the places asked for."""

    label: str | None
    """None for the network as it is."""
    pointer: str
    prepared: Prepared
    program: Program

    def refusal(self, error: EngineError) -> Refused:
        """What is wrong with this activation here."""
        found = self.prepared.description.pointers.refusal(error)
        return found if self.label is None else refuse(self.pointer, f"with {self.label}: {found.faults[0].message}")


class Flow:
    """One request of `flow`, ready to run."""

    def __init__(self, prepared: Prepared, limits: Limits) -> None:
        assert isinstance(prepared.request, FlowRequest)
        self.prepared, self.request = prepared, prepared.request
        self.of = objective_slot(prepared, self.request)
        self.at = _places(prepared, self.request)
        self.cost: Cost = self._cost()
        limits.check(self.cost, self.request.dtype)  # before each alternative is planned
        self.alternatives = list(self._alternatives())

    def run(self, arrays: Arrays, cancelled: Callable[[], bool] = never) -> Reply:
        """The reply. Raises Refused, and Cancelled."""
        leaves = self.prepared.device_leaves(arrays)
        upstream = upstream_array(self.prepared, self.request, arrays)
        flows, warnings = [], []
        for alternative in self.alternatives:
            found, said = self._flow(alternative, leaves, upstream, cancelled)
            flows.append(found)
            warnings += [each if alternative.label is None else f"{alternative.label}: {each}" for each in said]
        reply: Reply = {"at": list(self.at), "flows": flows}
        if self.request.format == "svg":
            reply["svg"] = flow_svg(reply)
        return Results(self.prepared).finish(reply, warnings)

    def _alternatives(self) -> Iterator[Alternative]:
        given = self.request.alternatives
        if not given:
            yield Alternative(None, "", self.prepared, self._program(self.prepared.plan))
        if given and not self.at:
            raise refuse("/alternatives", "the network has no activation before its output that they could stand for")
        for position, spec in enumerate(given):
            op, pointer = make_op(spec), f"/alternatives/{position}"
            check_precision(op, pointer, self.request.dtype)
            try:
                replaced = _replaced(self.prepared, self.at, op)
            except EngineError as error:
                raise refuse(pointer, error.message) from None
            yield Alternative(_label(op), pointer, replaced, self._program(replaced.plan))

    def _program(self, plan: Plan) -> Program:
        return backward_program(plan, self.of, _shown(plan))

    def _cost(self) -> Cost:
        """Of all alternatives, one after another: what one holds is free before the next begins."""
        plan = self.prepared.plan
        one = forward_cost(plan) + gradients_cost(plan, _shown(plan))
        many = max(1, len(self.request.alternatives))
        numbers = NUMBERS_A_NODE * len(plan.nodes) + len(plan.parameters) + 1
        calls = one.calls + CALLS_A_NODE * len(plan.nodes)
        return self.prepared.cost + Cost(many * one.flops, one.held, many * numbers, many * calls)

    def _flow(
        self, of: Alternative, leaves: dict[str, Array], upstream: Array | None, cancelled: Callable[[], bool]
    ) -> tuple[Reply, list[str]]:
        plan, xp = of.prepared.plan, self.prepared.xp
        try:
            trace = run_forward(plan, xp, leaves, cancelled)
        except EngineError as error:
            raise of.refusal(error) from None
        fused = fuse(trace) if upstream is None else None
        seed = 1.0 if upstream is None else upstream
        cotangents = pull_back(trace, of.program, seed, fused=fused, cancelled=cancelled)
        at_kinks = with_kinks(trace.plan, (number for number, *_ in of.program.steps))
        count, _ = find_kinks(trace, at_kinks, most=0)
        reply: Reply = {"activation": of.label}
        if upstream is None:
            reply["loss"] = xp.to_numpy(trace.values[self.of])
        reply["nodes"] = [_told(each) for each in flow(trace, cotangents)]
        reply["gradients"] = {name: norm(xp, cotangents.get(plan.index[name])) for name in plan.parameters}
        reply["kink_count"] = count
        return reply, [*fused_warnings(trace, fused), *loss_warnings(trace)]


def flow_svg(reply: Reply) -> str:
    """The plot of a reply."""
    return flows_svg([_line(each) for each in reply["flows"]])


def _shown(plan: Plan) -> list[int]:
    """The slots whose cotangents are told: of every node and parameter."""
    return [plan.index[name] for name in (*plan.nodes, *plan.parameters)]


def _line(found: Reply) -> FlowLine:
    nodes = found["nodes"]
    return FlowLine(
        found["activation"] or "as it is",
        [(node["node"], float(node["cotangent"])) for node in nodes],
        [(node["node"], max(node["saturated"] or 0.0, node["inactive"] or 0.0)) for node in nodes if _has_units(node)],
        [(name, float(size)) for name, size in found["gradients"].items()],
    )


def _has_units(node: Reply) -> bool:
    return node["saturated"] is not None or node["inactive"] is not None


def _told(node: NodeFlow) -> dict[str, Any]:
    return {
        "node": node.node,
        "op": node.op,
        "cotangent": node.cotangent,
        "saturated": node.saturated,
        "inactive": node.inactive,
    }


def _places(prepared: Prepared, request: FlowRequest) -> tuple[str, ...]:
    """The nodes to replace. Raises Refused for one that is no activation of each element."""
    plan = prepared.plan
    steps = {step.output: step for step in plan.steps[: len(plan.nodes)]}
    if request.at is None:
        return tuple(s.name for s in steps.values() if is_activation(type(s.op)) and s.output != plan.output)
    found: list[str] = []
    for position, name in enumerate(request.at):
        pointer = f"/at/{position}"
        step = steps.get(resolve(plan, name, pointer))
        if step is None or not is_activation(type(step.op)):
            raise refuse(pointer, f"{name} is no activation of each element without parameters: name one that is")
        if step.name in found:
            raise refuse(pointer, f"{name} is named twice: name it once")
        found.append(step.name)
    return tuple(found)


def _replaced(prepared: Prepared, at: tuple[str, ...], op: Op) -> Prepared:
    """The same problem with another op at some nodes. Raises EngineError for options that make no sense."""
    plan, graph = prepared.plan, prepared.description.graph
    nodes = tuple(Node(node.name, op, node.inputs) if node.name in at else node for node in graph.nodes)
    shapes = {name: plan.slots[plan.index[name]].shape for name in plan.leaves}
    changed = replace(graph, nodes=nodes)
    description = replace(prepared.description, graph=changed)
    return replace(prepared, description=description, plan=make_plan(changed, shapes, plan.batch))


def _label(op: Op) -> str:
    """The op with those of its options that are not the defaults."""
    given = {wire_name(each): getattr(op, each.name) for each in options_of(type(op))}
    usual = {wire_name(each): each.default for each in options_of(type(op))}
    other = [f"{name} {_written(value)}" for name, value in given.items() if value != usual[name]]
    return ", ".join([op.name, *other])


def _written(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
