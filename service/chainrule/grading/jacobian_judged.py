"""Judging a Jacobian. Nothing follows from one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from chainrule.grading.fits import exact_fits
from chainrule.grading.hypothesis import Hypothesis
from chainrule.grading.inquiry import Inquiry, Submitted, one_mistake, where_defined
from chainrule.grading.jacobian_work import jacobian_candidates, jacobian_of


def judge_jacobian(inquiry: Inquiry, account: Hypothesis, each: Submitted) -> Iterator[Hypothesis]:
    """The account that a Jacobian makes of one."""
    quantity, work = each.quantity, account.work
    right = where_defined(lambda: jacobian_of(work, quantity))
    if right is not None and each.follows(right, inquiry.policy):
        yield account.judged(each.name, "follows")
        return
    if each.right or right is None:
        yield account.judged(each.name, "returns" if each.right else "unexplained")
        return
    found = inquiry.spent(jacobian_candidates(work, quantity, right))
    found += inquiry.times_constants(each, right, inquiry.plan.slots[quantity.of].name, lambda _: work)
    fits = exact_fits((*each.readings, each.raw), found, inquiry.policy)
    if fits:
        yield inquiry.explained(account, replace(one_mistake(each.name, fits), scope="alone"), work)
    else:
        yield inquiry.unexplained(account, each.name, work)
