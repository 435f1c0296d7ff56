"""Judging a value of the forward pass."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.grading.arrays import Array
from chainrule.grading.candidates import Candidate, forward_candidates, ways_on
from chainrule.grading.findings import of_constant, rounded
from chainrule.grading.fits import exact_fits, rounded_to
from chainrule.grading.hypothesis import Explanation, Hypothesis
from chainrule.grading.inquiry import Inquiry, Submitted, one_mistake, where_defined
from chainrule.grading.mistakes.registry import Altered
from chainrule.grading.work import Work


def judge_value(inquiry: Inquiry, account: Hypothesis, each: Submitted) -> Iterator[Hypothesis]:
    """The accounts that a value makes of one."""
    slot, work = each.quantity.slot, account.work
    settled = {"settled": account.settled | {slot}}
    right = where_defined(lambda: work.value(slot))
    if right is not None and each.follows(right, inquiry.policy):
        yield account.judged(each.name, "follows", **settled)
        return
    if each.right:
        back = work.with_value(slot, inquiry.truth.value(slot))
        yield account.judged(each.name, "returns", work=back, source=None, **settled)
        return
    found = list(_explained(inquiry, account, each, right))
    yield from found or _as_submitted(inquiry, account, each, right)


def _as_submitted(inquiry: Inquiry, account: Hypothesis, each: Submitted, right: Array | None) -> Iterator[Hypothesis]:
    """Right but for rounding, or no one knows what: what comes after goes on from the value that was handed in."""
    slot, work = each.quantity.slot, account.work
    settled = {"settled": account.settled | {slot}}
    readings = (reading for reading in each.readings[:1] if np.isfinite(reading).all())
    own = [after for after in (work.with_value(slot, reading) for reading in readings) if _goes_on(after)]
    places = None if right is None else rounded_to(each.readings, right)
    if places is None:
        yield inquiry.unexplained(account, each.name, own[0] if own else work, **settled)
        return
    name = inquiry.plan.slots[slot].name
    explanation = Explanation(each.name, (rounded(name, name, places),), scope="alone")
    for after in (work, *own):  # where the numbers were kept in full, or where they were not
        yield inquiry.explained(account, explanation, after, **settled)


def _explained(inquiry: Inquiry, account: Hypothesis, each: Submitted, right: Array | None) -> Iterator[Hypothesis]:
    """An account for each mistake that gives the value and each way in which it goes on: the gradients decide."""
    slot, work = each.quantity.slot, account.work
    rules = inquiry.spent(forward_candidates(work, _steps(inquiry, account, slot), slot))
    fits = exact_fits(each.readings, rules, inquiry.policy)
    if not fits and right is not None and slot in inquiry.chain.producers:
        fits = exact_fits(each.readings, list(_times_constants(inquiry, work, each, right)), inquiry.policy)
    for fit in fits:
        for after in filter(_goes_on, fit.candidate.works):
            explanation = one_mistake(each.name, [fit])
            yield inquiry.explained(account, explanation, after, settled=account.settled | {slot})


def _times_constants(inquiry: Inquiry, work: Work, each: Submitted, right: Array) -> Iterator[Candidate]:
    slot = each.quantity.slot
    number, name = inquiry.chain.producers[slot], inquiry.plan.slots[slot].name
    for constant in inquiry.named_constants(each.readings, right):
        value = right * constant.value
        yield Candidate(of_constant(constant, name), value, tuple(ways_on(work, number, Altered(value))))


def _goes_on(work: Work) -> bool:
    """Whether the rest of the chain is defined on these values."""
    return where_defined(lambda: work.value(work.chain.of)) is not None


def _steps(inquiry: Inquiry, account: Hypothesis, slot: int) -> list[int]:
    """The steps from the last settled values to `slot`, in order."""
    found, waiting = set[int](), [slot]
    while waiting:
        number = inquiry.chain.producers.get(waiting.pop())
        if number is not None and number not in found:
            found.add(number)
            waiting += [taken for taken in inquiry.plan.steps[number].inputs if taken not in account.settled]
    return sorted(found)
