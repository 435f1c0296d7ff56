"""Two mistakes in one stretch: a wrong rule and a constant, or two wrong rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chainrule.grading.candidates import Candidate, backward_candidates, parameter_candidates
from chainrule.grading.constants import Constant
from chainrule.grading.findings import of_constant
from chainrule.grading.fits import exact_fits, named_fits
from chainrule.grading.hypothesis import Explanation, Hypothesis
from chainrule.grading.inquiry import Inquiry, Submitted
from chainrule.grading.stretch import Stretch


def two_mistakes(inquiry: Inquiry, account: Hypothesis, each: Submitted, stretch: Stretch) -> Iterator[Hypothesis]:
    """The first account with two mistakes that gives the gradient, within the budget."""
    confirmed = {"confirmed": account.confirmed | {stretch.slot, stretch.anchor}}
    passed = inquiry.spent(backward_candidates(account.work, stretch.steps, stretch.slot))
    alone = [] if stretch.of_node else inquiry.spent(parameter_candidates(account.work, stretch.slot))
    for candidate, constant in _with_constant(inquiry, each, passed):
        second = of_constant(constant, candidate.finding.at)
        after = stretch.scaled(candidate.works[0], constant.value)
        yield inquiry.explained(account, Explanation(each.name, (candidate.finding, second)), after, **confirmed)
        return
    for candidate, constant in _with_constant(inquiry, each, alone):
        name = inquiry.plan.slots[stretch.slot].name
        second = of_constant(constant, name, parameter=True, batch=inquiry.plan.batch)
        explanation = Explanation(each.name, (candidate.finding, second), scope="alone")
        yield inquiry.explained(account, explanation, account.work, **confirmed)
        return
    yield from _pairs(inquiry, account, each, stretch, passed, confirmed)


def _with_constant(
    inquiry: Inquiry, each: Submitted, candidates: list[Candidate]
) -> Iterator[tuple[Candidate, Constant]]:
    for fit in named_fits((*each.readings, each.raw), candidates, inquiry.policy, inquiry.constants):
        if fit.constant is not None:
            yield fit.candidate, fit.constant


def _pairs(
    inquiry: Inquiry,
    account: Hypothesis,
    each: Submitted,
    stretch: Stretch,
    passed: list[Candidate],
    confirmed: dict[str, Any],
) -> Iterator[Hypothesis]:
    for first in passed:
        if inquiry.left <= 0:
            return
        work = first.works[0]
        later = [number for number in stretch.steps if inquiry.plan.steps[number].name != first.finding.at]
        seconds = inquiry.spent(backward_candidates(work, later, stretch.slot))
        seconds += [] if stretch.of_node else inquiry.spent(parameter_candidates(work, stretch.slot))
        for fit in exact_fits((*each.readings, each.raw), seconds, inquiry.policy):
            explanation = Explanation(each.name, (first.finding, fit.candidate.finding))
            yield inquiry.explained(account, explanation, fit.candidate.works[0], **confirmed)
            return
