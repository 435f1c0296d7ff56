"""What a reply says of the predictions and targets that its loss was taken of."""

from __future__ import annotations

from math import prod

from chainrule.engine.backends import Array
from chainrule.engine.ops.loss import first
from chainrule.engine.ops.probability import BinaryCrossEntropy, BinaryCrossEntropyOnLogits
from chainrule.engine.trace import Trace


def loss_warnings(trace: Trace) -> list[str]:
    """Sentences for the reply's `warnings`; none where there is no loss, or nothing to say of it."""
    number = trace.plan.data_loss
    if number is None:
        return []
    op, (prediction, target) = trace.plan.steps[number].op, trace.points[number].inputs
    found = []
    if isinstance(op, BinaryCrossEntropy) and trace.points[number].saved.saved.saturated:
        found += _saturated(trace, prediction)
    if isinstance(op, BinaryCrossEntropy | BinaryCrossEntropyOnLogits):
        found += _no_probabilities(trace, op.name, target)
    return found


def _saturated(trace: Trace, prediction: Array) -> list[str]:
    count = trace.xp.count_nonzero((prediction == 0) | (prediction == 1))
    if not count:  # what is not inside (0, 1) is NaN
        return []
    found = f"{count} of {prod(prediction.shape)} predictions are exactly 0 or 1, where bce is 0 or Infinity"
    return [f"{found} and no longer tells one value before the sigmoid from another; bce_logits on that value does"]


def _no_probabilities(trace: Trace, op: str, target: Array) -> list[str]:
    outside = (target < 0) | (target > 1)
    count = trace.xp.count_nonzero(outside)
    if not count:
        return []
    found = f"{count} of {prod(target.shape)} targets are below 0 or above 1, such as"
    return [
        f"{found} {first(trace.xp, target, outside):.6g}: {op} takes them as they are, but of those it is no "
        "cross-entropy, and it may be below 0"
    ]
