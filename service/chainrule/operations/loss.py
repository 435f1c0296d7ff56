"""`loss`: the outputs and the loss, and each example's share of it where asked for."""

from __future__ import annotations

from collections.abc import Callable

from chainrule.engine.cost import Cost, forward_cost
from chainrule.engine.loss_warnings import loss_warnings
from chainrule.engine.ops.loss import Loss as LossOp
from chainrule.engine.trace import Trace, never
from chainrule.operations.limits import Limits
from chainrule.operations.prepared import Arrays, Prepared
from chainrule.operations.refusals import refuse
from chainrule.operations.results import Reply, Results
from chainrule.operations.stacks import StackedResults
from chainrule.schemas.requests import LossRequest, Problem


class Loss:
    """One request of `loss`, ready to run."""

    def __init__(self, prepared: Prepared, limits: Limits) -> None:
        assert isinstance(prepared.request, LossRequest)
        self.prepared, self.request = prepared, prepared.request
        self.slot = need_loss(prepared)
        if self.request.per_example:
            check_per_example(self.request)
        self.cost: Cost = prepared.cost + forward_cost(prepared.plan)
        limits.check(self.cost, self.request.dtype)
        self.stacked = not (self.request.per_example or prepared.draws)

    def run(self, arrays: Arrays, cancelled: Callable[[], bool] = never) -> Reply:
        """The reply. Raises Refused, and Cancelled."""
        trace, results = self.prepared.trace(arrays, cancelled), Results(self.prepared)
        output = self.prepared.plan.output
        reply: Reply = {
            "outputs": results.value(output, trace.values[output]),
            "loss": results.value(self.slot, trace.values[self.slot]),
        }
        if self.request.per_example:
            reply["per_example"] = {"loss": self.prepared.xp.to_numpy(_shares(trace))}
        return results.finish(reply, loss_warnings(trace))

    def run_stack(self, arrays: Arrays, cancelled: Callable[[], bool] = never) -> list[Reply | None]:
        """See `Stacking`."""
        results = StackedResults(self.prepared, trace := self.prepared.stacked_trace(arrays, cancelled))
        slots = {"outputs": self.prepared.plan.output, "loss": self.slot}
        return results.finish({name: results.value(slot, trace.values[slot]) for name, slot in slots.items()})


def need_loss(prepared: Prepared, or_else: str = "") -> int:
    """The slot of C. Raises Refused where the request has no loss, or no targets for it.

    or_else: what to write where no loss is meant, for the message.
    """
    request = prepared.request
    if request.loss is None:
        raise refuse("/loss", 'there is no loss: write "loss": {"op": "mse"}, say, or its name alone' + or_else)
    if request.targets is None:
        raise refuse("/targets", "a loss compares the outputs with targets: give targets")
    assert prepared.plan.loss is not None
    return prepared.plan.loss


def check_per_example(request: Problem) -> None:
    """Refuse per-example results where there are no examples, or where a part of the loss belongs to none."""
    if not request.batched:
        raise refuse(
            "/per_example", "this request is a single example (batched: false): it has no others to tell apart"
        )
    if request.penalties:
        raise refuse("/per_example", "a penalty belongs to no example: leave the penalties out, or per_example")


def _shares(trace: Trace) -> object:
    number = trace.plan.data_loss
    assert number is not None
    op = trace.plan.steps[number].op
    assert isinstance(op, LossOp)
    return op.per_example(trace.xp, trace.points[number])
