"""`gradients`: of the loss, or the cotangents an upstream brings about; per example, step by step, and checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from chainrule.engine.backward import Cotangent, Fused, Program, backward_program, pull_back
from chainrule.engine.cost import Cost, forward_cost, gradients_cost
from chainrule.engine.fused import fuse, fused_warnings
from chainrule.engine.kinks import find_kinks, with_kinks
from chainrule.engine.loss_warnings import loss_warnings
from chainrule.engine.steps import Link, links
from chainrule.engine.structure import Outer
from chainrule.engine.trace import Trace, never
from chainrule.engine.verify import FORWARD_PASSES, verify
from chainrule.operations.limits import Limits
from chainrule.operations.loss import check_per_example
from chainrule.operations.naming import resolve_wrt
from chainrule.operations.objective import objective_slot, stacked_upstream, upstream_array
from chainrule.operations.prepared import Arrays, Prepared
from chainrule.operations.refusals import refuse
from chainrule.operations.results import Reply, Results, check_layout
from chainrule.operations.stacks import StackedResults
from chainrule.schemas.requests import GradientsRequest


class Gradients:
    """One request of `gradients`, ready to run."""

    def __init__(self, prepared: Prepared, limits: Limits) -> None:
        assert isinstance(prepared.request, GradientsRequest)
        self.prepared, self.request = prepared, prepared.request
        plan = prepared.plan
        self.of = objective_slot(prepared, self.request)
        self.wrt = resolve_wrt(prepared.plan, self.request.wrt)
        check_layout(prepared, self.wrt, "gradient of")
        if self.request.per_example:
            self._check_per_example()
        slots = tuple(self.wrt.values())
        self.program = backward_program(plan, self.of, slots)
        self.with_kinks = with_kinks(plan, (number for number, *_ in self.program.steps))
        self.step_program = self._step_program() if self.request.steps else None
        if self.step_program is not None:
            _check_layout_of_steps(prepared, self.step_program)
        self.cost: Cost = (
            prepared.cost
            + forward_cost(plan)
            + gradients_cost(plan, slots, per_example=self.request.per_example, steps=self.request.steps)
        )
        if self.request.verify:
            passes = FORWARD_PASSES * len(slots)
            complex_values = 4 * forward_cost(plan).held  # complex128 is four times as wide as float32
            self.cost += Cost(flops=passes * plan.flops, held=complex_values, calls=passes * len(plan.steps))
        limits.check(self.cost, self.request.dtype)
        self.stacked = not (self.request.per_example or self.request.steps or self.request.verify or prepared.draws)

    def run(self, arrays: Arrays, cancelled: Callable[[], bool] = never) -> Reply:
        """The reply. Raises Refused, and Cancelled."""
        plan, results = self.prepared.plan, Results(self.prepared)
        trace = self.prepared.trace(arrays, cancelled)
        seed = self._seed(arrays)
        fused = fuse(trace) if self.request.upstream is None else None
        cotangents = pull_back(trace, self.step_program or self.program, seed, fused=fused, cancelled=cancelled)
        reply: Reply = {"outputs": results.value(plan.output, trace.values[plan.output])}
        if self.request.upstream is None:
            reply["loss"] = results.value(self.of, trace.values[self.of])
        reply["gradients"] = {
            name: results.gradient(slot, results.array(slot, cotangents.get(slot))) for name, slot in self.wrt.items()
        }
        if self.request.per_example:
            reply["per_example"] = {"gradients": self._per_example(trace, seed, results, fused)}
        if self.step_program is not None:
            reply["steps"] = [self._step(results, link) for link in links(trace, self.step_program, cotangents, fused)]
        results.add_kinks(reply, *find_kinks(trace, self.with_kinks))
        warnings = [*fused_warnings(trace, fused), *loss_warnings(trace)]
        if self.request.verify:
            reply["verification"], doubts = self._verification(arrays, trace, cotangents, results, cancelled)
            if reply["kink_count"]:
                doubts.append("at a kink, differences need not agree with the subgradient that was used")
            warnings += [f"verification: {doubt}" for doubt in doubts]
        return results.finish(reply, warnings)

    def run_stack(self, arrays: Arrays, cancelled: Callable[[], bool] = never) -> list[Reply | None]:
        """See `Stacking`."""
        plan, by_upstream = self.prepared.plan, self.request.upstream is not None
        trace = self.prepared.stacked_trace(arrays, cancelled)
        results = StackedResults(self.prepared, trace)
        seed = stacked_upstream(self.prepared, self.request, arrays) if by_upstream else 1.0
        found = pull_back(trace, self.program, seed, cancelled=cancelled)
        columns: dict[str, Any] = {"outputs": results.value(plan.output, trace.values[plan.output])}
        if not by_upstream:
            columns["loss"] = results.value(self.of, trace.values[self.of])
        columns["gradients"] = {name: results.gradient(slot, found.get(slot)) for name, slot in self.wrt.items()}
        return results.finish(columns, self.with_kinks, kinks=[], kink_count=0)

    def _check_per_example(self) -> None:
        check_per_example(self.request)
        plan = self.prepared.plan
        if self.request.upstream is not None and not plan.slots[plan.output].batched:
            raise refuse("/per_example", "the output depends on no input, so there are no examples to tell apart")
        if plan.loss in self.wrt.values():
            raise refuse("/wrt", "C is the loss of all examples: leave it out, or per_example")

    def _step_program(self) -> Program:
        """The same walk, with every node's cotangent kept."""
        outputs = tuple(step.output for _, step, *_ in self.program.steps)
        return replace(self.program, keeps=tuple(dict.fromkeys((*self.program.keeps, *outputs))))

    def _seed(self, arrays: Arrays) -> Any:
        return 1.0 if self.request.upstream is None else upstream_array(self.prepared, self.request, arrays)

    def _per_example(self, trace: Trace, seed: Any, results: Results, fused: Fused | None) -> dict[str, NDArray[Any]]:
        plan, xp = self.prepared.plan, self.prepared.xp
        each = pull_back(trace, self.program, seed, keep_batch=True, fused=fused)
        found = {}
        for name, slot in self.wrt.items():
            part = each.get(slot)
            full = (plan.batch, *plan.slots[slot].shape)
            array = xp.zeros(full) if part is None else part.each() if isinstance(part, Outer) else part
            found[name] = results.gradient(slot, xp.broadcast_to(array, full), each=True)
        return found

    def _step(self, results: Results, link: Link) -> Reply:
        index = self.prepared.plan.index
        of = index[link.node]
        return {
            "node": link.node,
            "op": link.op,
            "inputs": link.inputs,
            "cotangent": results.gradient(of, results.array(of, link.cotangent)),
            "local": {name: results.local(of, index[link.inputs[name]], found) for name, found in link.local.items()},
            "contributes": {
                name: results.gradient(index[link.inputs[name]], found) for name, found in link.contributes.items()
            },
        }

    def _verification(
        self,
        arrays: Arrays,
        trace: Trace,
        cotangents: dict[int, Cotangent],
        results: Results,
        cancelled: Callable[[], bool],
    ) -> tuple[Reply, list[str]]:
        """What the check found, and why it may have found nothing."""
        xp = self.prepared.xp
        found = verify(
            trace,
            self.of,
            self.prepared.host_leaves(arrays),
            {name: (slot, xp.to_numpy(results.array(slot, cotangents.get(slot)))) for name, slot in self.wrt.items()},
            None if self.request.upstream is None else xp.to_numpy(self._seed(arrays)),
            cancelled,
        )
        reply = {
            "method": found.method,
            "passed": found.passed,
            "tolerance": found.tolerance,
            "deviations": found.deviations,
        }
        return reply, list(found.doubts)


def _check_layout_of_steps(prepared: Prepared, program: Program) -> None:
    slots = prepared.plan.slots
    for _, step, wanted, _ in program.steps:
        taken = [slot for slot, want in zip(step.inputs, wanted, strict=True) if want]
        check_layout(prepared, {slots[slot].name: slot for slot in (step.output, *taken)}, "step at")
