"""`validate`: names, shapes, order and cost of everything, and what the limits would refuse, computing nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod

from chainrule.engine.cost import Cost, forward_cost, gradients_cost
from chainrule.engine.trace import never
from chainrule.operations.limits import ITEMSIZE, Limits
from chainrule.operations.prepared import Arrays, Prepared
from chainrule.operations.results import Reply, meta
from chainrule.schemas.requests import ValidateRequest


class Validate:
    """One request of `validate`, ready to run."""

    def __init__(self, prepared: Prepared, limits: Limits) -> None:
        assert isinstance(prepared.request, ValidateRequest)
        self.prepared, self.request, self.limits = prepared, prepared.request, limits
        self.cost = Cost(calls=len(prepared.plan.steps))

    def run(self, arrays: Arrays, cancelled: Callable[[], bool] = never) -> Reply:
        """The reply. The numbers of `arrays` are not looked at."""
        plan = self.prepared.plan
        parameters = [plan.index[name] for name in plan.parameters]
        forward = forward_cost(plan)
        gradients = forward + gradients_cost(plan, parameters)
        xp = self.prepared.xp
        return {
            "valid": True,
            "batch": plan.batch if self.request.batched else None,
            "inputs": {name: {"shape": self._shape(plan.index[name])} for name in plan.inputs},
            "parameters": {
                name: {"shape": self._shape(plan.index[name]), "elements": prod(self._shape(plan.index[name]))}
                for name in plan.parameters
            },
            "nodes": [
                {
                    "node": step.name,
                    "op": step.op.name,
                    "inputs": plan.taken(step),
                    "shape": self._shape(step.output),
                }
                for step in plan.steps
            ],
            "order": [step.name for step in plan.steps],
            "output": plan.slots[plan.output].name,
            "cost": {
                "forward": self._told(forward),
                "gradients": self._told(gradients),
            },
            "warnings": list(self._refusals(forward, gradients)),
            "meta": meta(xp.name, xp.device, xp.dtype),
        }

    def _refusals(self, forward: Cost, gradients: Cost) -> Iterator[str]:
        """Which operations would be refused for what they cost, and by what limit."""
        first = "forward" if self.prepared.plan.loss is None else "loss"
        for operation, cost in ((first, forward), ("gradients", gradients)):
            if over := self.limits.exceeded(self.prepared.cost + cost, self.request.dtype):
                yield f"{operation} would be refused: it would take {over}"

    def _shape(self, slot: int) -> list[int]:
        return list(self.prepared.shape(slot))

    def _told(self, cost: Cost) -> dict[str, int]:
        return {"flops": cost.flops, "bytes": cost.bytes(ITEMSIZE[self.request.dtype]), "elements": cost.returned}
