"""`derivation`: the chain of each gradient in LaTeX, read off the plan that computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.derivation.chain import Chains, Gradient
from chainrule.derivation.filling import Filling
from chainrule.derivation.numbers import fits
from chainrule.derivation.pages.derivation import blocks_of
from chainrule.derivation.pages.tex import document
from chainrule.derivation.subject import Subject
from chainrule.engine import layouts
from chainrule.engine.backward import backward_program, pull_back
from chainrule.engine.cost import Cost, forward_cost, gradients_cost
from chainrule.engine.jacobian import dense, jacobian, jacobian_shape
from chainrule.engine.loss_warnings import loss_warnings
from chainrule.engine.plan import reachable
from chainrule.engine.trace import Cancelled, Trace, never
from chainrule.operations.derivation_tree import Tree
from chainrule.operations.limits import Limits
from chainrule.operations.naming import resolve, resolve_wrt
from chainrule.operations.prepared import Arrays, Prepared
from chainrule.operations.results import Reply, Results, check_layout
from chainrule.schemas.derivation import DerivationRequest

TEXT = 200
"""A formula in numbers of a reply: it takes about as long to write as so many of them. A document has all formulas
again."""


class Derivation:
    """One request of `derivation`, ready to run."""

    def __init__(self, prepared: Prepared, limits: Limits) -> None:
        assert isinstance(prepared.request, DerivationRequest)
        self.prepared, self.request = prepared, prepared.request
        plan = prepared.plan
        self.of = self._of()
        self.wrt = resolve_wrt(prepared.plan, self.request.wrt)
        on_way = reachable(plan, self.of, self.wrt.values())
        check_layout(prepared, {plan.slots[slot].name: slot for slot in sorted(on_way)}, "chain through")
        steps = len(plan.steps)
        limits.check(Cost(calls=3 * steps + len(self.wrt)), self.request.dtype)
        taken = sum(len(step.inputs) for step in plan.steps)
        written = self.chains.size(self.wrt.values()) + 2 * taken + steps
        self.cost: Cost = prepared.cost + Cost(
            calls=3 * steps + written, returned=TEXT * written * (1 + self.request.document)
        )
        if self.request.numbers:
            self.cost += forward_cost(plan) + gradients_cost(plan, self.wrt.values())
        limits.check(self.cost, self.request.dtype)

    def run(self, arrays: Arrays, cancelled: Callable[[], bool] = never) -> Reply:
        """The reply. Raises Refused, and Cancelled."""
        chains, trace = self.chains, self.prepared.trace(arrays, cancelled) if self.request.numbers else None
        gradients = {}
        for name, slot in self.wrt.items():
            if cancelled():
                raise Cancelled
            gradients[name] = chains.gradient(slot)
        filling = Filling(trace) if trace is not None else None
        tree = Tree(self.subject, self.request.layout, filling, cancelled)
        numbers = self._numbers(trace, gradients, cancelled) if trace is not None else {}
        reply: Reply = tree.of(gradients, chains.through, numbers)
        if self.request.document:
            reply["document"] = document(blocks_of(reply))
        return Results(self.prepared).finish(reply, [] if trace is None else self._warnings(trace, numbers))

    def _warnings(self, trace: Trace, numbers: Mapping[str, NDArray[Any]]) -> list[str]:
        infinite = [name for name, value in numbers.items() if not np.isfinite(value).all()]
        found = [f"not finite: {', '.join(f'gradients.{name}' for name in infinite)}"] if infinite else []
        return [*loss_warnings(trace), *found]

    @cached_property
    def subject(self) -> Subject:
        """The plan, as it is written."""
        return Subject(self.prepared.plan, batched=self.request.batched)

    @cached_property
    def chains(self) -> Chains:
        """What is differentiated, in the layout asked for."""
        return Chains(self.subject, self.of, self.request.layout)

    def _of(self) -> int:
        plan = self.prepared.plan
        if self.request.of is not None:
            return resolve(plan, self.request.of, "/of")
        return plan.loss if plan.loss is not None else plan.output

    def _numbers(
        self, trace: Trace, gradients: dict[str, Gradient], cancelled: Callable[[], bool]
    ) -> dict[str, NDArray[Any]]:
        """The gradients of which few numbers are to be shown, laid out, from the engine."""
        shown = {name: gradient.slot for name, gradient in gradients.items() if fits(gradient.shape)}
        xp, plan, layout = trace.xp, trace.plan, self.request.layout
        of = plan.slots[self.of]
        if of.shape or of.batched:
            return {name: self._jacobian(trace, slot, cancelled) for name, slot in shown.items()}
        program = backward_program(plan, self.of, tuple(shown.values()))
        found = pull_back(trace, program, xp.ones(()), cancelled=cancelled)
        laid = {}
        for name, slot in shown.items():
            value = found.get(slot, np.zeros(plan.full_shape(slot)))
            laid[name] = xp.to_numpy(
                layouts.gradient(xp, xp.asarray(xp.to_numpy(value)), plan.slots[slot].shape, layout)
            )
        return laid

    def _jacobian(self, trace: Trace, slot: int, cancelled: Callable[[], bool]) -> NDArray[Any]:
        plan, xp = trace.plan, trace.xp
        of, wrt = plan.slots[self.of].shape, plan.slots[slot].shape
        found = jacobian(trace, self.of, slot, cancelled=cancelled)
        value = dense(xp, found, jacobian_shape(plan, self.of, slot), len(of))
        return np.asarray(xp.to_numpy(layouts.jacobian(xp, value, of, wrt, self.request.layout)))
