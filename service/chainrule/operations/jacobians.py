"""`jacobians`: between any two values, dense or as the factors they have."""

from __future__ import annotations

from collections.abc import Callable

from chainrule.engine.backward import backward_program
from chainrule.engine.cost import WALKS, Cost, forward_cost, jacobian_cost
from chainrule.engine.fused import fuse, fused_warnings
from chainrule.engine.jacobian import jacobian
from chainrule.engine.kinks import find_kinks, with_kinks
from chainrule.engine.trace import never
from chainrule.operations.limits import Limits
from chainrule.operations.naming import resolve
from chainrule.operations.prepared import Arrays, Prepared
from chainrule.operations.refusals import refuse
from chainrule.operations.results import Reply, Results, check_layout
from chainrule.schemas.requests import JacobiansRequest


class Jacobians:
    """One request of `jacobians`, ready to run."""

    def __init__(self, prepared: Prepared, limits: Limits) -> None:
        assert isinstance(prepared.request, JacobiansRequest)
        self.prepared, self.request = prepared, prepared.request
        self.structured = self.request.form == "structured"
        if self.structured and self.request.layout != "torch":
            raise refuse("/form", "factors are given in torch axis order: write layout torch, or form dense")
        plan = prepared.plan
        self.pairs: dict[str, tuple[int, int]] = {}
        for position, pair in enumerate(self.request.pairs):
            of = resolve(plan, pair.of, f"/pairs/{position}/of")
            wrt = resolve(plan, pair.wrt, f"/pairs/{position}/wrt")
            self.pairs[f"{pair.of}/{pair.wrt}"] = (of, wrt)
            check_layout(prepared, {pair.of: of, pair.wrt: wrt}, "Jacobian of")
        # Each pair's cost takes a walk over the network to find out.
        limits.check(Cost(calls=WALKS * len(plan.steps) * len(self.pairs)), self.request.dtype)
        self.cost: Cost = sum(
            (jacobian_cost(plan, of, wrt, structured=self.structured) for of, wrt in self.pairs.values()),
            start=prepared.cost + forward_cost(plan),
        )
        limits.check(self.cost, self.request.dtype)
        programs = (backward_program(plan, of, (wrt,)) for of, wrt in self.pairs.values())
        self.with_kinks = with_kinks(plan, {number for program in programs for number, *_ in program.steps})

    def run(self, arrays: Arrays, cancelled: Callable[[], bool] = never) -> Reply:
        """The reply. Raises Refused, and Cancelled."""
        trace, results = self.prepared.trace(arrays, cancelled), Results(self.prepared)
        fused = fuse(trace) if any(of == trace.plan.loss for of, _ in self.pairs.values()) else None
        found = {}
        for name, (of, wrt) in self.pairs.items():
            value = jacobian(trace, of, wrt, fused=fused, cancelled=cancelled)
            found[name] = results.jacobian(of, wrt, value, structured=self.structured)
        reply: Reply = {"jacobians": found}
        results.add_kinks(reply, *find_kinks(trace, self.with_kinks))
        return results.finish(reply, fused_warnings(trace, fused))
