"""Where the formulas of a derivation are evaluated: the values of a trace, example by example."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.derivation.expressions import Env
from chainrule.engine.trace import Trace


def environments(trace: Trace) -> list[Env]:
    """One for each example. A value without a batch axis is the same in all of them."""
    slots = trace.plan.slots
    batch = [
        {
            slot.name: trace.xp.to_numpy(value[example] if slot.batched else value)
            for slot, value in zip(slots, trace.values, strict=True)
        }
        for example in range(trace.plan.batch)
    ]
    return [Env(values, {}, 0, batch) for values in batch]


def assert_near(found: Any, wanted: Any, tolerance: float = 1e-10) -> None:
    """The same shape, and no number further off than the tolerance times the largest."""
    assert np.shape(found) == np.shape(wanted)
    np.testing.assert_allclose(
        found, wanted, rtol=0, atol=tolerance * max(1.0, float(np.max(np.abs(wanted), initial=0)))
    )
