"""What every judgement shares: the problem, the policy, what may still be tried, and how verdicts are put down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import inf, prod
from typing import Any, TypeVar

import numpy as np

from chainrule.engine.errors import EngineError
from chainrule.engine.plan import Plan
from chainrule.engine.trace import Cancelled, never
from chainrule.grading.arrays import Array
from chainrule.grading.candidates import Candidate
from chainrule.grading.constants import LOG_BASES, Constant, Constants
from chainrule.grading.findings import Finding, log_base, of_constant
from chainrule.grading.fits import COARSE, Fit, named_fits
from chainrule.grading.hypothesis import Explanation, Hypothesis
from chainrule.grading.policy import Policy, largest, within
from chainrule.grading.quantities import Quantity
from chainrule.grading.work import Work

T = TypeVar("T")

NEGLIGIBLE, SWAMPED = 1e-6, 1e3
"""Of the truth's largest entry: what is smaller says nothing, what is larger hides the entries beside it."""
BUDGET = 1_500
"""Alterations tried for one submission."""
SHORT = 50
"""Numbers that take as much memory as an alteration keeps of each step, the numbers apart."""
NUMBERS = 10_000_000
"""Numbers that they hold at most, if each alters every value of the problem."""


def most_tried(plan: Plan) -> int:
    """Alterations tried for one submission to this problem: fewer of a large one."""
    return min(BUDGET, NUMBERS // size_of(plan))


def size_of(plan: Plan) -> int:
    """Numbers of all values of a problem, a short one for as many as what is kept with it takes."""
    return sum(max(SHORT, prod(plan.full_shape(slot))) for slot in range(len(plan.slots)))


@dataclass(frozen=True, slots=True)
class Submitted:
    """An answer: as it came, as what it may be meant (in the engine's shapes), and whether it is right."""

    quantity: Quantity
    raw: Array
    readings: tuple[Array, ...]
    right: bool
    truth: Array
    rounding: float = 0.0
    """How far a right one may be off beyond what the policy allows."""

    @property
    def name(self) -> str:
        """The quantity's name."""
        return self.quantity.name

    def is_of(self, wanted: Array, policy: Policy) -> bool:
        """Whether it may be meant as `wanted`."""
        bound = policy.bound(wanted)
        return any(reading.shape == wanted.shape and within(reading, wanted, bound) for reading in self.readings)

    def follows(self, wanted: Array, policy: Policy, slack: Array | float = 0.0, coarse: float = COARSE) -> bool:
        """Whether it is `wanted`, the right rule's from the submission's own work, and that takes work to get.

        Nothing follows from work that leaves zeros, or numbers that vanish beside the truth or swamp it: any answer
        would do after it. So a wrong answer has to be as large as tells something, and right entry by entry.
        `slack`: how far each entry may be off for the rounding of what it follows from. `coarse`: what part of the
        largest entry the bound may be.
        """
        if self.right:
            return self.is_of(wanted, policy)
        size, scale = largest(wanted), largest(self.truth)
        rounding = self.rounding * min(size / scale, SWAMPED) if scale > 0 else 0.0
        told = policy.bound(wanted, rounding) + largest(np.asarray(slack)) <= coarse * size
        if not (told and NEGLIGIBLE * scale <= size < inf):
            return False
        relative = policy.relative * (np.minimum(size, SWAMPED * scale) + np.abs(wanted))
        bound = policy.absolute + relative + rounding + slack
        return any(
            reading.shape == wanted.shape and bool((np.abs(reading - wanted) <= bound).all())
            for reading in self.readings
        )


class Inquiry:
    """One submission being looked into."""

    def __init__(
        self,
        truth: Work,
        constants: Constants,
        policy: Policy,
        cancelled: Callable[[], bool] = never,
        share: int = 1,
    ) -> None:
        """`share`: of so many inquiries, which may try as much together as a single one."""
        self.cancelled = cancelled
        self.truth, self.constants, self.policy = truth, constants, policy
        self.chain, self.plan = truth.chain, truth.chain.plan
        self.left = most_tried(self.plan) // share

    def unsettled(self, account: Hypothesis) -> list[int]:
        """The steps of the forward pass that no quantity so far has confirmed."""
        known = frozenset[int]().union(*(self.chain.before[slot] for slot in account.settled))
        steps = self.plan.steps[: len(self.plan.nodes)]
        return [number for number, step in enumerate(steps) if step.output not in known]

    def spent(self, candidates: Iterator[Candidate]) -> list[Candidate]:
        """The candidates, counted; none once the budget is spent. Raises Cancelled."""
        if self.cancelled():
            raise Cancelled
        found = list(islice(candidates, self.left))
        self.left -= len(found)
        return found

    def times_constants(
        self, each: Submitted, right: Array, at: str, after: Callable[[float], Work], *, parameter: bool = False
    ) -> list[Candidate]:
        """The right quantity times a named constant, where that is what the answer is.

        `after`: how the work goes on, given the constant. `parameter`: in the gradient of one parameter alone.
        """
        found = []
        for constant in self.named_constants(each.readings, right):
            if constant not in LOG_BASES or parameter:
                finding = of_constant(constant, at, parameter=parameter, batch=self.plan.batch)
            elif at == "C":
                finding = log_base(constant, at)
            else:
                continue  # a logarithm is in the loss alone
            found.append(Candidate(finding, right * constant.value, (after(constant.value),)))
        return found

    def named_constants(self, readings: Sequence[Array], right: Array) -> list[Constant]:
        """The constants with a name that `right` has to be multiplied with to be one of `readings`."""
        plain = Candidate(Finding("", "", "", ""), right, ())
        fits: list[Fit] = named_fits(readings, [plain], self.policy, self.constants)
        return [fit.constant for fit in fits if fit.constant is not None]

    def explained(self, account: Hypothesis, explanation: Explanation, work: Work, **changes: Any) -> Hypothesis:
        """The account with a quantity explained; what comes after goes on from `work`."""
        source = explanation.quantity if explanation.scope == "chain" else account.source
        judged = account.judged(explanation.quantity, "explained", work=work, **changes)
        return replace(judged, explanations=(*account.explanations, explanation), source=source)

    def unexplained(self, account: Hypothesis, name: str, work: Work, **changes: Any) -> Hypothesis:
        """The account with a quantity that nothing explains; what comes after goes on from `work`."""
        source = name if work is not account.work else account.source
        return replace(account.judged(name, "unexplained", work=work, **changes), source=source)


def one_mistake(name: str, fits: Sequence[Fit]) -> Explanation:
    """A quantity explained by the first of some fits, or by any of the others."""
    first, *others = list(dict.fromkeys(fit.candidate.finding for fit in fits))
    return Explanation(name, (first,), tuple(others))


def where_defined(compute: Callable[[], T]) -> T | None:
    """What is computed; None where that leaves the domain of a function."""
    try:
        return compute()
    except EngineError:
        return None
