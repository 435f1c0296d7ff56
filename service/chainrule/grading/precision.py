"""How far a right answer may be off that was computed in float32, in the chain as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from chainrule.engine.backends import choose
from chainrule.engine.structure import Outer
from chainrule.engine.trace import run_forward
from chainrule.grading.arrays import Array
from chainrule.grading.policy import finite, largest
from chainrule.grading.quantities import Quantity
from chainrule.grading.work import Chain, Work

ValueOf = Callable[[Quantity, Work], Array]

SLACK = 8.0
"""Another order of the same operations rounds as much, not the same."""
MOST = 1e-3
"""Of the largest entry. More than this is no rounding: somewhere a ReLU switched."""


class SinglePrecision:
    """The rounding of the problem's own chain in float32, step by step and with nothing fused, as students write it."""

    def __init__(self, truth: Work, leaves: Mapping[str, Array], seed: Any, value_of: ValueOf) -> None:
        """Raises EngineError where the problem is not defined in float32."""
        plan, xp = truth.chain.plan, choose("numpy", "cpu", "float32")
        trace = run_forward(plan, xp, {name: xp.asarray(array) for name, array in leaves.items()})
        self._truth, self._value_of = truth, value_of
        self._single = Work.of_trace(Chain(plan, xp, truth.chain.of), trace, seed)

    def rounding(self, quantity: Quantity, truth: Array) -> float:
        """How far an entry may be off by rounding, beyond what the policy allows."""
        if quantity.kind == "jacobian":
            return 0.0
        off = SLACK * largest(finite(self._value_of(quantity, self._single) - truth))
        return self._of_sum(quantity) + min(off, MOST * largest(finite(truth)))

    def _of_sum(self, quantity: Quantity) -> float:
        """What the sum over the examples may add: the precision times Σ|terms|."""
        if quantity.kind != "gradient":
            return 0.0
        terms = 0.0
        for number, position in self._truth.chain.takers[quantity.slot]:
            part = self._truth.parts(number)[position]
            if self._truth.chain.plan.steps[number].folds[position] is None:
                continue  # each example's is its own
            if type(part) is Outer:
                part = Outer(np.abs(part.left), np.abs(part.right), part.tokens, part.transposed)
                terms += largest(finite(part.sum(self._truth.chain.xp)))
            elif part is not None:
                terms += largest(finite(np.abs(part).sum(axis=0))) if np.ndim(part) else 0.0
        return float(np.finfo(np.float32).eps) * terms
