"""The chain as it goes on from the very numbers that were handed in, right or wrong.

Whoever rounds each number and carries on from that is as far off the truth as the rounding has grown, and right step by
step. And from a wrong number that was rounded only to be handed in, the next is as far off as its rounding makes.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from chainrule.grading.arrays import Array
from chainrule.grading.hypothesis import Hypothesis
from chainrule.grading.inquiry import Inquiry, Submitted, most_tried, where_defined
from chainrule.grading.jacobian_work import jacobian_of
from chainrule.grading.quantities import Quantity
from chainrule.grading.work import Work

DRAWS, A_DRAW = 8, 8
"""Of the numbers as they may have been before they were rounded, each for so many alterations that may be tried."""
FEW = 3.0
"""Another draw may be farther off."""
ROUNDED, FAINT = 0.25, 0.1
"""Of the largest entry: where less is left of it than so many places show, or rounding has grown to more, nothing can
be said to follow."""


class OwnNumbers:
    """What each quantity is, given those handed in before it."""

    def __init__(self, inquiry: Inquiry) -> None:
        draws = 0 if inquiry.policy.places is None else min(DRAWS, most_tried(inquiry.plan) // A_DRAW)
        self._inquiry, self._rng = inquiry, np.random.Generator(np.random.Philox(key=0))
        self._rounded, self._in_full = inquiry.truth, [inquiry.truth] * (1 + draws)
        self._taken: list[Quantity] = []
        self._astray = False
        """Whether one of them was wrong. Before that, whoever keeps numbers in full has the truth."""

    def take(self, each: Submitted) -> None:
        """Go on from a value or the gradient of one, where the rest of the chain is defined on it."""
        if not _passed_on(self._inquiry, each) or not np.isfinite(each.readings[0]).all():
            return
        self._astray = self._astray or not (each.right or self._is_exact(each))
        numbers, half = each.readings[0], self._inquiry.policy.absolute if self._astray else 0.0
        right = found_in(self._inquiry.truth, each.quantity)
        rounded, in_full = _with(self._rounded, each.quantity, numbers), list[Work]()
        for draw, work in enumerate(self._in_full):
            signs = self._rng.choice((-1.0, 1.0), size=numbers.shape) if draw else 0.0
            before = right if each.right else numbers + half * signs
            in_full.append(_with(work, each.quantity, before))
        if all(where_defined(partial(work.value, work.chain.of)) is not None for work in (rounded, *in_full)):
            self._rounded, self._in_full, self._taken = rounded, in_full, [*self._taken, each.quantity]

    def source(self, each: Submitted) -> str | None:
        """The last quantity handed in that this one follows from; None where it does not."""
        before = [taken for taken in self._taken if self._leads(taken, each.quantity)]
        follows = bool(before) and (self._is_exact(each) or self._is_near(each))
        return before[-1].name if follows else None

    def _is_exact(self, each: Submitted) -> bool:
        """Whether it is the right rule's of the very numbers that were handed in."""
        right = where_defined(partial(found_in, self._rounded, each.quantity))
        return right is not None and each.follows(right, self._inquiry.policy, coarse=ROUNDED)

    def _is_near(self, each: Submitted) -> bool:
        """Whether it may be, of those numbers before they were rounded."""
        right, *others = [where_defined(partial(found_in, work, each.quantity)) for work in self._in_full]
        if right is None:
            return False
        off = [np.zeros(right.shape), *(np.abs(other - right) for other in others if other is not None)]
        return each.follows(right, self._inquiry.policy, FEW * np.max(off, axis=0), FAINT)

    def _leads(self, taken: Quantity, to: Quantity) -> bool:
        """Whether one quantity is computed from another."""
        before = self._inquiry.chain.before
        if to.kind in ("value", "loss"):
            return taken.slot in before[to.slot]
        if taken.kind == "gradient":
            return to.kind == "gradient" and to.slot in before[taken.slot]
        return True


def own_step(inquiry: Inquiry, account: Hypothesis, each: Submitted, source: str) -> Hypothesis:
    """The account with a quantity that follows from `source` as that was handed in, and what comes after from it."""
    slot, changes = each.quantity.slot, dict[str, Any]()
    if _passed_on(inquiry, each):
        changes["work"] = _with(account.work, each.quantity, each.readings[0])
        known = "settled" if each.quantity.kind == "value" else "confirmed"
        changes[known] = getattr(account, known) | {slot}
    return replace(account, source=account.source or source).judged(each.name, "own", **changes)


def _passed_on(inquiry: Inquiry, each: Submitted) -> bool:
    """Whether what comes after is computed from it. From zeros nothing is."""
    quantity, plan = each.quantity, inquiry.plan
    of_node = plan.slots[quantity.slot].batched or quantity.slot in inquiry.chain.producers
    passed_on = quantity.kind == "value" or (quantity.kind == "gradient" and of_node)
    return passed_on and bool(each.readings) and bool(each.raw.any())


def _with(work: Work, quantity: Quantity, numbers: Array) -> Work:
    return (work.with_value if quantity.kind == "value" else work.with_cotangent)(quantity.slot, numbers)


def found_in(work: Work, quantity: Quantity) -> Array:
    """What a quantity is by a work."""
    if quantity.kind == "jacobian":
        return jacobian_of(work, quantity)
    if quantity.kind in ("value", "loss"):
        return np.asarray(work.value(quantity.slot))
    found = work.cotangent(quantity.slot)
    return np.zeros(work.chain.plan.full_shape(quantity.slot)) if found is None else np.asarray(found)
