"""The walk along a submission, quantity by quantity on its own upstream, keeping the accounts that explain most.

A quantity that the right rule gives from what came before follows. Else every single mistake on the way since the last
confirmed quantity is tried, alone and then with a named constant or a second mistake. Each that fits starts an account
of its own; later quantities decide between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from chainrule.grading.gradient_judged import judge_gradient
from chainrule.grading.hypothesis import Hypothesis
from chainrule.grading.inquiry import Inquiry, Submitted, where_defined
from chainrule.grading.jacobian_judged import judge_jacobian
from chainrule.grading.loss_judged import judge_loss
from chainrule.grading.own_numbers import OwnNumbers, found_in, own_step
from chainrule.grading.quantities import Kind
from chainrule.grading.value_judged import judge_value

MOST_ACCOUNTS = 12
"""Accounts kept from one quantity to the next."""

JUDGES: Mapping[Kind, Callable[[Inquiry, Hypothesis, Submitted], Iterator[Hypothesis]]] = {
    "value": judge_value,
    "loss": judge_loss,
    "gradient": judge_gradient,
    "jacobian": judge_jacobian,
}


def walk(inquiry: Inquiry, submitted: Sequence[Submitted]) -> list[Hypothesis]:
    """The accounts that explain most with fewest mistakes, the simplest first. `submitted`: in the chain's order."""
    accounts, own = [Hypothesis(inquiry.truth)], OwnNumbers(inquiry)
    for each in submitted:
        source = None if each.right else own.source(each)
        accounts = _best([after for account in accounts for after in _judged(inquiry, account, each, source)])
        own.take(each)
    least = accounts[0].cost
    return [account for account in accounts if account.cost[:-1] == least[:-1]]


def _judged(inquiry: Inquiry, account: Hypothesis, each: Submitted, source: str | None) -> list[Hypothesis]:
    """The accounts that a quantity makes of one. Where its values leave the domain of a function nothing follows.

    `source`: what it follows from as that was handed in, which needs no mistake to explain it.
    """
    if source is not None and not _follows(inquiry, account, each):
        return [own_step(inquiry, account, each, source)]
    judge = JUDGES[each.quantity.kind]
    found = where_defined(lambda: list(judge(inquiry, account, each)))
    return found or [account.judged(each.name, "returns" if each.right else "unexplained")]


def _follows(inquiry: Inquiry, account: Hypothesis, each: Submitted) -> bool:
    right = where_defined(lambda: found_in(account.work, each.quantity))
    return right is not None and each.follows(right, inquiry.policy)


def _best(accounts: list[Hypothesis]) -> list[Hypothesis]:
    costs = sorted(((account.cost, number) for number, account in enumerate(accounts)))
    unexplained, mistakes, *_ = costs[0][0]
    kept = [number for cost, number in costs if cost[0] <= unexplained and cost[1] <= mistakes + 1]
    return [accounts[number] for number in kept[:MOST_ACCOUNTS]]
