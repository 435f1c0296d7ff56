"""Right gradients pass verification at 0 and at integers, where functions are put together from their pieces.

There |x| has no slope, equal elements tie, and second derivatives jump. What an op has a kink at is moved off it.
"""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.engine.backward import backward_program, pull_back
from chainrule.engine.trace import run_forward
from chainrule.engine.verify import verify


def whole_numbers(case, rng):
    """The case's inputs; those drawn from a range as integers of it, half of them 0 where 0 is one."""
    sample = case.sample
    for i, array in enumerate(case.inputs):
        if case.draw_of(i) != "uniform":
            yield array
            continue
        integers = rng.integers(np.ceil(sample.low), np.floor(sample.high), array.shape, endpoint=True).astype(float)
        yield np.where(rng.random(array.shape) < 0.5, 0.0, integers) if sample.low < 0 else integers


def traced_off_kinks(case, rng):
    """A trace at integers, and its leaves."""
    inputs = list(whole_numbers(case, rng))
    while True:
        leaves = dict(zip(case.names, inputs, strict=True))
        trace = run_forward(case.plan, case.xp, {name: case.xp.asarray(array) for name, array in leaves.items()})
        mask = case.bound.kinks(case.xp, trace.points[0])
        if mask is None or not np.any(mask):
            return trace, leaves
        first = inputs[0]
        at_kink = np.any(mask, axis=0) if np.ndim(mask) > first.ndim else mask
        inputs[0] = first + np.where(at_kink, rng.uniform(0.1, 0.4, first.shape), 0)


@pytest.mark.parametrize("method", ["complex_step", "five_point"])
def test_every_right_gradient_passes(case, method, monkeypatch):
    if method == "five_point":
        monkeypatch.setattr(type(case.op), "analytic", False)
    elif not case.op.analytic:
        return
    trace, leaves = traced_off_kinks(case, np.random.default_rng(1))
    cotangent, slots = case.cotangent(), [case.slots[i] for i in case.differentiable]
    found = pull_back(trace, backward_program(case.plan, case.of, slots), cotangent)
    gradients = {
        case.names[i]: (slot, np.broadcast_to(case.as_array(case.xp, found[slot]), case.full_shapes[i]))
        for i, slot in zip(case.differentiable, slots, strict=True)
    }
    verification = verify(trace, case.of, leaves, gradients, cotangent)
    assert verification.method == method
    assert verification.passed, verification
