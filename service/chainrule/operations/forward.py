"""`forward`: the outputs, and every node's value where asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.engine.cost import Cost, forward_cost
from chainrule.engine.trace import Trace, never
from chainrule.operations.limits import Limits
from chainrule.operations.prepared import Arrays, Prepared
from chainrule.operations.results import Reply, Results
from chainrule.operations.stacks import StackedResults
from chainrule.schemas.networks import Drawn
from chainrule.schemas.requests import ForwardRequest


class Forward:
    """One request of `forward`, ready to run."""

    def __init__(self, prepared: Prepared, limits: Limits) -> None:
        assert isinstance(prepared.request, ForwardRequest)
        self.prepared, self.request = prepared, prepared.request
        self.cost: Cost = prepared.cost + forward_cost(prepared.plan, traced=self.request.trace)
        limits.check(self.cost, self.request.dtype)
        self.stacked = not (self.request.trace or prepared.draws)

    def run(self, arrays: Arrays, cancelled: Callable[[], bool] = never) -> Reply:
        """The reply. Raises Refused, and Cancelled."""
        trace, results = self.prepared.trace(arrays, cancelled), Results(self.prepared)
        output = self.prepared.plan.output
        reply: Reply = {"outputs": results.value(output, trace.values[output])}
        if self.request.trace:
            reply["trace"] = trace_entries(trace, results)
            drawn = [leaf.name for leaf in self.prepared.leaves if isinstance(leaf.source, Drawn)]
            if drawn:
                reply["drawn"] = {name: self.prepared.xp.to_numpy(trace.value(name)) for name in drawn}
        return results.finish(reply, [])

    def run_stack(self, arrays: Arrays, cancelled: Callable[[], bool] = never) -> list[Reply | None]:
        """See `Stacking`."""
        results = StackedResults(self.prepared, trace := self.prepared.stacked_trace(arrays, cancelled))
        output = self.prepared.plan.output
        return results.finish({"outputs": results.value(output, trace.values[output])})


def trace_entries(trace: Trace, results: Results) -> list[dict[str, Any]]:
    """Every node's inputs by name and its output, the loss and penalties left out."""
    return [_entry(trace, results, number) for number in range(len(trace.plan.nodes))]


def _entry(trace: Trace, results: Results, number: int) -> dict[str, Any]:
    step = trace.plan.steps[number]
    return {
        "node": step.name,
        "op": step.op.name,
        "inputs": trace.plan.taken(step),
        "output": results.value(step.output, trace.values[step.output]),
    }
