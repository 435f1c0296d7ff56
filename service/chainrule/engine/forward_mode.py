"""Tangents pushed forward along a trace: the chain rule read from the inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chainrule.engine.backends import Array
from chainrule.engine.plan import reachable
from chainrule.engine.trace import Cancelled, Trace, never


def push_forward(
    trace: Trace, tangents: Mapping[int, Array], of: int, *, cancelled: Callable[[], bool] = never
) -> Array | None:
    """The tangent of slot `of`, given those of some leaves or nodes by slot; None where it depends on none of them.

    A tangent has its value's shape after any leading axes V; one of a value without a batch axis has an axis of
    length 1 in the batch's place wherever V is there, so that it meets batched values rightly.
    """
    plan, xp = trace.plan, trace.xp
    on_way = reachable(plan, of, tangents)
    held: dict[int, Array] = {slot: tangent for slot, tangent in tangents.items() if slot in on_way}
    for step, point in zip(plan.steps, trace.points, strict=True):
        if step.output not in on_way or step.output in tangents:
            continue
        if cancelled():
            raise Cancelled
        held[step.output] = step.op.jvp(xp, tuple(held.get(i) for i in step.inputs), point)
    return held.get(of)
