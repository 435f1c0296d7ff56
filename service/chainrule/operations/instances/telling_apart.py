"""The check that an instance tells the mistakes apart that the grader knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from chainrule.engine.errors import EngineError
from chainrule.engine.plan import Plan
from chainrule.operations.instances.generator import Accept


def telling_apart(asks: Sequence[str] | None, *, batched: bool) -> Accept:
    """The check for answers to `asks`; by default to the output, the loss and the gradients along the chain.

    It raises UnknownQuantity for a name among `asks` that is not the problem's. Where there are no other numbers on
    which the problem is defined, to compare with, nothing is said against an instance.
    """

    def check(plan: Plan, leaves: Mapping[str, NDArray[Any]]) -> str | None:
        from chainrule.grading import Grader
        from chainrule.grading.distinct import accidental_collision

        try:
            return accidental_collision(Grader(plan, leaves, batched=batched), asks or _everything(plan))
        except EngineError:
            return None

    return check


def _everything(plan: Plan) -> list[str]:
    if plan.loss is None:
        return ["outputs"]
    return ["outputs", "loss", "gradients.y_hat", *(f"gradients.{name}" for name in plan.parameters)]
