"""The truth with another subgradient taken at its kinks."""

from __future__ import annotations

import numpy as np

from chainrule.grading.work import Work

STEP = 1e-6
"""How far to either side of a kink the derivative is taken, relative to 1 and to the value there."""


def other_subgradients(truth: Work) -> list[Work]:
    """The work with the derivative of either side at every kink. Empty where there is none.

    Of equal largest under `max`, one side has it all at the first, the other at the last.
    """
    sides = [_beside(truth, side) for side in (STEP, -STEP)]
    return [work for work in sides if work is not truth]


def _beside(truth: Work, side: float) -> Work:
    work, xp = truth, truth.chain.xp
    for number in range(len(truth.chain.plan.steps) - 1, -1, -1):
        op, point = truth.op(number), truth.point(number)
        mask = op.kinks(xp, point) if op.at_kink is not None else None
        cotangent = work.cotangent(truth.chain.plan.steps[number].output)
        if mask is None or not mask.any() or cotangent is None:
            continue
        mask = mask & np.isfinite(op.subgradient(xp, point))  # beside √0 there is no other, and on one side no root
        first = point.inputs[0]
        apart = np.linspace(0.5, 1.0, first.size).reshape(first.shape)  # of equal largest, the first or the last
        moved = np.where(mask, first + side * apart * np.maximum(1.0, np.abs(first)), first)
        inputs = (moved, *point.inputs[1:])
        output, saved = op.forward(xp, *inputs)
        beside = point._replace(inputs=inputs, output=output, saved=saved)
        work = work.with_parts(number, op.vjp(xp, cotangent, beside, tuple(truth.chain.wanted[number])))
    return work
