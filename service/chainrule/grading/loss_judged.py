"""Judging the value of the loss. A mistake in it may go on in the derivative, or be in the value alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from chainrule.engine.ops.penalties import Total
from chainrule.grading.arrays import Array
from chainrule.grading.candidates import Candidate, forward_candidates, loss_candidates
from chainrule.grading.constants import LOG_BASES, Constant
from chainrule.grading.findings import Finding, log_base, named, of_constant, rounded
from chainrule.grading.fits import Fit, exact_fits, rounded_to
from chainrule.grading.hypothesis import Explanation, Hypothesis, Scope
from chainrule.grading.inquiry import Inquiry, Submitted, one_mistake, where_defined
from chainrule.grading.work import Work


def judge_loss(inquiry: Inquiry, account: Hypothesis, each: Submitted) -> Iterator[Hypothesis]:
    """The accounts that the loss makes of one."""
    work = account.work
    settled = {"settled": account.settled | {each.quantity.slot}}
    right = where_defined(lambda: work.value(each.quantity.slot))
    if right is not None and each.follows(right, inquiry.policy):
        yield account.judged(each.name, "follows", **settled)
        return
    if each.right:
        yield account.judged(each.name, "returns", **settled)
        return
    forward = exact_fits(each.readings, _of_values(inquiry, account, each), inquiry.policy)
    fits = [] if right is None else _fits(inquiry, work, each, right)
    for fit in (*forward, *fits):
        explanation = one_mistake(each.name, [fit])
        for after in fit.candidate.works:
            in_value_alone = after is work
            scope: Scope = "alone" if in_value_alone else "chain"
            yield inquiry.explained(account, replace(explanation, scope=scope), after, **settled)
    if forward or fits:
        return
    places = None if right is None else rounded_to(each.readings, right)
    if places is not None:
        explanation = Explanation(each.name, (rounded("the loss", "C", places),), scope="alone")
        yield inquiry.explained(account, explanation, work, **settled)
    else:
        yield inquiry.unexplained(account, each.name, work, **settled)


def _of_values(inquiry: Inquiry, account: Hypothesis, each: Submitted) -> list[Candidate]:
    """Mistakes in values that were not handed in."""
    steps = inquiry.unsettled(account)
    return inquiry.spent(forward_candidates(account.work, steps, each.quantity.slot)) if steps else []


def _fits(inquiry: Inquiry, work: Work, each: Submitted, right: Array) -> list[Fit]:
    """The single mistakes that give the value. The last work of each has the mistake in the value alone."""
    slot = each.quantity.slot
    step = inquiry.plan.steps[inquiry.chain.producers[slot]]
    data = step.inputs[0] if isinstance(step.op, Total) else slot
    number = inquiry.chain.producers[data]
    penalties = right - work.value(data)
    found = [
        replace(each_found, predicted=each_found.predicted + penalties)
        for each_found in inquiry.spent(loss_candidates(work, number))
    ]
    derivative: Any = work.parts(number)[0]
    for constant in inquiry.named_constants([reading - penalties for reading in each.readings], work.value(data)):
        scaled = work.with_parts(number, (constant.value * derivative, None))
        predicted = work.value(data) * constant.value + penalties
        found.append(Candidate(_finding(constant), predicted, (scaled, work)))
    found += _unreduced(work, number, each)
    return exact_fits((*each.readings, each.raw), found, inquiry.policy)


def _finding(constant: Constant) -> Finding:
    if constant in LOG_BASES:
        return log_base(constant, "C")
    if set(constant.name) <= set("NK·/1()"):
        return named("reduction", "C", factor=constant.name, value=constant.value)
    return of_constant(constant, "C")


def _unreduced(work: Work, number: int, each: Submitted) -> list[Candidate]:
    elements, factor, _ = work.point(number).saved
    finding = named("unreduced", "C")
    rows = [elements, elements * factor]
    if elements.ndim == 2:
        rows += [*(row.sum(-1) for row in rows), elements.mean(-1)]
    return [Candidate(finding, row, (work,)) for row in rows if row.shape == each.raw.shape]
