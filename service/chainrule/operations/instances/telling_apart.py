"""The check that an instance tells the mistakes apart that the grader knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any

from numpy.typing import NDArray

from chainrule.engine.cost import Cost, forward_cost, gradients_cost, jacobian_cost
from chainrule.engine.errors import EngineError
from chainrule.engine.plan import Plan
from chainrule.grading.quantities import Quantity, resolve
from chainrule.operations.instances.generator import Accept
from chainrule.operations.limits import Limits
from chainrule.operations.refusals import Refused


def telling_apart(asks: Sequence[str] | None, *, batched: bool, limits: Limits | None = None) -> Accept:
    """The check for answers to `asks`; by default to the output, the loss and the gradients along the chain.

    It raises UnknownQuantity for a name among `asks` that is not the problem's, and Refused where it would cost more
    than `limits` allow. Where there are no other numbers on which the problem is defined, to compare with, nothing is
    said against an instance.
    """

    def check(plan: Plan, leaves: Mapping[str, NDArray[Any]]) -> str | None:
        from chainrule.grading import Grader
        from chainrule.grading.distinct import accidental_collision

        names = asks or _everything(plan)
        quantities = [resolve(plan, name, differentiates=plan.loss is not None) for name in names]
        _check_cost(cost_of(plan, quantities), limits or Limits())
        try:
            return accidental_collision(Grader(plan, leaves, batched=batched), names)
        except EngineError:
            return None

    return check


def cost_of(plan: Plan, quantities: Iterable[Quantity]) -> Cost:
    """Of one check: every answer to `quantities` under every mistake, on two sets of numbers, compared in pairs."""
    mistakes = len(plan.steps) * (12 + len(plan.steps))  # as found: those of wrong inputs grow with what there is
    jacobians = [jacobian_cost(plan, each.of, each.slot) for each in quantities if each.kind == "jacobian"]
    numbers = sum(prod(plan.full_shape(each.slot)) for each in quantities if each.kind != "jacobian")
    numbers += sum(cost.returned for cost in jacobians)
    once = sum(jacobians, forward_cost(plan) + gradients_cost(plan, range(len(plan.slots))))
    return Cost(
        flops=2 * mistakes * once.flops,
        held=2 * mistakes * numbers + once.held,
        calls=2 * mistakes * len(plan.steps) + mistakes**2 // 4,
    )


def _check_cost(cost: Cost, limits: Limits) -> None:
    try:
        limits.check(cost, "float64")
    except Refused as refused:
        detail = f'{refused.detail}; or write "tells_apart": false among the constraints'
        raise Refused(detail, title=refused.title) from None


def _everything(plan: Plan) -> list[str]:
    if plan.loss is None:
        return ["outputs"]
    return ["outputs", "loss", "gradients.y_hat", *(f"gradients.{name}" for name in plan.parameters)]
