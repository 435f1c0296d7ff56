"""Binary cross-entropy straight after sigmoid or softargmax, differentiated as one function.

Step by step, ∂C/∂ŷ = (ŷ − y)/(ŷ(1 − ŷ)) meets ∂ŷ/∂s. Where ŷ has rounded towards 1, ŷ − y and 1 − ŷ have lost their
digits; where ŷ is 0 or 1, the product is 0·∞. The derivative of the pair by s has neither, so it is used there.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from chainrule.engine.backends import Array, Namespace
from chainrule.engine.backward import Fused
from chainrule.engine.op import Point
from chainrule.engine.ops.probability import BinaryCrossEntropy, derivative_by_logit
from chainrule.engine.ops.sigmoids import Sigmoid
from chainrule.engine.ops.softmax import Softargmax
from chainrule.engine.plan import Plan
from chainrule.engine.trace import Trace

NEAR = 1e-4
"""Within this of 1, a number has lost four digits of its distance from 1."""


class _Pair(NamedTuple):
    """An activation, the loss that alone takes its output, and their numbers among the plan's steps."""

    op: Sigmoid | Softargmax
    number: int
    loss: BinaryCrossEntropy
    loss_number: int


def fuse(trace: Trace) -> Fused | None:
    """What the activation before the loss contributes where C is differentiated with cotangent 1.

    None unless the loss is `bce` without `clamp` straight after `sigmoid` or `softargmax`, which nothing else takes,
    and the chain step by step would lose four digits or more.
    """
    pair = _pair(trace.plan)
    if pair is None or pair.loss.clamp is not None or pair.loss.reduction == "none":
        return None
    activation, loss = trace.points[pair.number], trace.points[pair.loss_number]
    if not trace.xp.count_nonzero(extreme(trace.xp, activation.output)):
        return None
    target = loss.saved.saved.target
    if isinstance(pair.op, Softargmax):
        found = _through_softargmax(trace.xp, activation, target, pair.op.beta)
    else:
        found = _through_sigmoid(trace.xp, activation, target)
    return None if found is None else Fused(pair.number, found * loss.saved.factor)


def fused_warnings(trace: Trace, fused: Fused | None) -> list[str]:
    """What the reply says where the fused derivative was used."""
    if fused is None:
        return []
    step = trace.plan.steps[fused.number]
    return [
        f"{step.name}: {step.op.name} and the bce after it were differentiated as one function, because predictions "
        "near 0 or 1 leave few digits, or none, to the product of their two derivatives"
    ]


def _pair(plan: Plan) -> _Pair | None:
    number = plan.data_loss
    if number is None:
        return None
    loss = plan.steps[number].op
    if not isinstance(loss, BinaryCrossEntropy):
        return None
    prediction = plan.steps[number].inputs[0]
    step = plan.producer(prediction)
    takers = sum(each.inputs.count(prediction) for each in plan.steps)
    if step is None or takers > 1 or not isinstance(step.op, Sigmoid | Softargmax):
        return None
    return _Pair(step.op, plan.steps.index(step), loss, number)


def extreme(xp: Namespace, p: Array) -> Array:
    """Where a probability has rounded towards 1, or its reciprocal may overflow."""
    return (p > 1 - NEAR) | (p < xp.tiny)


def _through_sigmoid(xp: Namespace, at: Point, y: Array) -> Array | None:
    """(1 − y)σ(s) − yσ(−s), the derivative of an element of the loss by s; None where the chain is as good."""
    p = at.output
    lost = (xp.abs(p - y) < NEAR) | (p * (1 - p) < xp.tiny)
    if not xp.count_nonzero(extreme(xp, p) & lost):
        return None
    return derivative_by_logit(xp, at.inputs[0], y)


def _through_softargmax(xp: Namespace, at: Point, y: Array, beta: float) -> Array | None:
    """The derivative by s of the loss summed over the classes, every quotient bounded; None where the chain is as good.

    With z = βs, q = 1 − p and g = −y/p + (1 − y)/q the chain is β p(g − ⟨p, g⟩), and multiplied out

        ∂/∂zⱼ = −yⱼqⱼ + (1 − yⱼ)pⱼ + Σ_{k≠j} [yₖpⱼ − (1 − yₖ)pⱼpₖ/qₖ].

    At most one class m has p > ½, and only there can 1 − p have lost digits or be 0. So qₘ is taken as the sum of the
    other p, and pⱼ/qₘ as the softargmax over the other classes.
    """
    p = at.output
    if p.shape[-1] == 1 or not xp.count_nonzero(extreme(xp, p) & ((p > 0.5) | (y != 0))):
        return None
    large = p > 0.5
    rest = xp.where(large, 0.0, p)
    q = xp.where(large, xp.sum(rest, -1, keepdims=True), 1 - p)
    odds = (1 - y) * rest / (1 - rest)
    of_large = xp.sum(xp.where(large, (1 - y) * p, 0.0), -1, keepdims=True)
    among_rest = xp.softargmax(xp.where(large, -inf, beta * at.inputs[0]), -1)
    others = _sum_of_others(xp, y) - _sum_of_others(xp, odds)
    return beta * (p * (1 - y + others) - y * q - among_rest * of_large)


def _sum_of_others(xp: Namespace, x: Array) -> Array:
    """For each class the sum of x over the other classes."""
    return xp.sum(x, -1, keepdims=True) - x
