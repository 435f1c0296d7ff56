"""Judging a gradient: of a node, an input or a parameter.

A mistake on the way is passed on to every gradient after it; one in a parameter's gradient alone is not. Which of the
two it is, the next quantity decides: both accounts are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from chainrule.engine.structure import Outer
from chainrule.grading.arrays import Array
from chainrule.grading.candidates import (
    Candidate,
    backward_candidates,
    forward_candidates,
    parameter_candidates,
    partial_sums,
)
from chainrule.grading.findings import also, named, rounded, unnamed
from chainrule.grading.fits import Fit, exact_fits, rounded_to, unnamed_factor
from chainrule.grading.hypothesis import Explanation, Hypothesis
from chainrule.grading.inquiry import Inquiry, Submitted, one_mistake, where_defined
from chainrule.grading.penalties import constants_of_a_part
from chainrule.grading.policy import within
from chainrule.grading.stretch import Stretch
from chainrule.grading.two_mistakes import two_mistakes
from chainrule.grading.work import Work


def judge_gradient(inquiry: Inquiry, account: Hypothesis, each: Submitted) -> Iterator[Hypothesis]:
    """The accounts that a gradient makes of one."""
    stretch = Stretch.back_from(inquiry.chain, each.quantity.slot, account.confirmed)
    judging = _Judging(inquiry, account, each, stretch)
    right = judging.right
    if each.follows(right, inquiry.policy):
        yield account.judged(each.name, "follows", **judging.confirmed)
    elif each.right:
        yield account.judged(each.name, "returns", work=judging.returned(), source=None, **judging.confirmed)
        if not stretch.of_node:
            yield account.judged(each.name, "returns", **judging.confirmed)  # this one alone
    elif not each.raw.any():
        yield judging.zeros()
    else:
        found = list(judging.one_mistake()) or list(two_mistakes(inquiry, account, each, stretch))
        yield from found or [judging.given_up()]


@dataclass(frozen=True, slots=True)
class _Judging:
    """One gradient, as one account sees it."""

    inquiry: Inquiry
    account: Hypothesis
    each: Submitted
    stretch: Stretch

    @property
    def right(self) -> Array:
        """The gradient by the right rule from what the account has so far."""
        slot = self.each.quantity.slot
        found = where_defined(lambda: self.account.work.cotangent(slot))
        return np.zeros(self.inquiry.plan.full_shape(slot)) if found is None else np.asarray(found)

    @property
    def confirmed(self) -> dict[str, Any]:
        """What is known once the gradient is."""
        return {"confirmed": self.account.confirmed | {self.stretch.slot, self.stretch.anchor}}

    @property
    def name(self) -> str:
        """Of what it is the gradient."""
        return self.inquiry.plan.slots[self.stretch.slot].name

    def returned(self) -> Work:
        """The work with the truth from here on: the gradient is right in spite of what came before."""
        anchor = self.stretch.anchor
        return self.account.work.with_cotangent(anchor, self.inquiry.truth.cotangent(anchor))

    def zeros(self) -> Hypothesis:
        """Nothing follows from zeros: they would make every answer after them right for nothing."""
        explanation = Explanation(self.each.name, (named("zeros", self.name),), scope="alone")
        return self.inquiry.explained(self.account, explanation, self.account.work, **self.confirmed)

    def one_mistake(self) -> Iterator[Hypothesis]:
        """An account for each way in which one mistake gives the gradient."""
        of_a_part, of_a_part_alone = constants_of_a_part(
            self.inquiry, self.account.work, self.each, self.account.confirmed
        )
        candidates = [*self._on_the_way(), *of_a_part]
        passed = exact_fits(self.each.readings, candidates, self.inquiry.policy)
        alone = self._alone(candidates) + exact_fits(self.each.readings, of_a_part_alone, self.inquiry.policy)
        if not passed and not alone:
            passed, alone = self._any_factor()
        for group in (*self._grouped(passed), *([fit] for fit in self._forward())):
            explanation = one_mistake(self.each.name, self._earliest_first(group))
            yield self.inquiry.explained(self.account, explanation, group[0].candidate.works[0], **self.confirmed)
        if alone:
            explanation = replace(one_mistake(self.each.name, alone), scope="alone")
            yield self.inquiry.explained(self.account, explanation, self.account.work, **self.confirmed)

    def _on_the_way(self) -> list[Candidate]:
        """Mistakes that are passed on to what comes after."""
        stretch, work = self.stretch, self.account.work
        if not stretch.steps:
            return []
        found = self.inquiry.spent(backward_candidates(work, stretch.steps, stretch.slot))
        found += self.inquiry.spent(self._one_way())
        for place, number in self._places().items():
            after = partial(self._scaled, number=number)
            found += self.inquiry.times_constants(self.each, self.right, place, after)
        return found

    def _one_way(self) -> Iterator[Candidate]:
        """Of several ways back some left out: to this quantity, or to a node on the way to it."""
        slot, work, plan = self.stretch.slot, self.account.work, self.inquiry.plan
        nodes = {slot, self.stretch.anchor, *(plan.steps[number].output for number in self.stretch.steps)}
        for node in sorted(nodes - {self.inquiry.chain.of}):
            for words, part in partial_sums(work, node):
                after, name = work.with_cotangent(node, part), plan.slots[node].name
                predicted = after.cotangent(slot)
                if predicted is not None:
                    yield Candidate(named("one_way", name, detail=words), predicted, (after,))

    def _scaled(self, constant: float, number: int | None) -> Work:
        return self.stretch.scaled(self.account.work, constant, number)

    def _forward(self) -> list[Fit]:
        """Mistakes in values that were not handed in: at the first gradient, if nothing has shown the values right."""
        steps = [] if self.account.confirmed else self.inquiry.unsettled(self.account)
        found = []
        for candidate in self.inquiry.spent(forward_candidates(self.account.work, steps, self.inquiry.plan.output)):
            for work in candidate.works:
                gradient = where_defined(partial(work.cotangent, self.stretch.slot))
                if gradient is not None:
                    found.append(replace(candidate, predicted=gradient, works=(work,)))
        return exact_fits(self.each.readings, found, self.inquiry.policy)

    def _alone(self, on_the_way: Sequence[Candidate]) -> list[Fit]:
        """Mistakes in this gradient alone."""
        work, found = self.account.work, list[Candidate]()
        if not self.stretch.of_node:
            found = self.inquiry.spent(parameter_candidates(work, self.stretch.slot))
            found += self.inquiry.times_constants(self.each, self.right, self.name, lambda _: work, parameter=True)
            found += self._at_its_activation(on_the_way)
        places = rounded_to(self.each.readings, self.right)
        if places is not None:
            finding = rounded(f"∂C/∂{self.name}", self.name, places)
            found += [Candidate(finding, reading, (work,)) for reading in self.each.readings]
        return exact_fits((*self.each.readings, self.each.raw), found, self.inquiry.policy)

    def _at_its_activation(self, on_the_way: Sequence[Candidate]) -> list[Candidate]:
        """Mistakes at the layer's own activation that are made for this parameter's gradient alone."""
        plan, stretch = self.inquiry.plan, self.stretch
        takers = [number for number, _ in self.inquiry.chain.takers[stretch.anchor]] if not stretch.of_node else []
        if len(takers) != 1 or plan.steps[takers[0]].op.family != "activation":
            return []
        if takers[0] in stretch.steps:
            name = plan.steps[takers[0]].name
            found = [each for each in on_the_way if each.finding.at == name and each.finding.value is None]
        else:
            found = self.inquiry.spent(backward_candidates(self.account.work, takers, stretch.slot))
        return [self._made_alone(candidate) for candidate in found]

    def _any_factor(self) -> tuple[list[Fit], list[Fit]]:
        """The right gradient times a constant that has no name."""
        stretch, work, right = self.stretch, self.account.work, self.right
        factor = unnamed_factor(self.each.readings, right, self.inquiry.policy)
        if factor is None:
            return [], []
        places = self._places() if stretch.steps else {}
        passed = [
            Fit(Candidate(unnamed(factor, place), right * factor, (self._scaled(factor, number),)))
            for place, number in places.items()
        ]
        alone = [Fit(Candidate(unnamed(factor, self.name), right * factor, (work,)))]
        return passed, [] if stretch.of_node and passed else alone

    def _places(self) -> dict[str, int | None]:
        """Where a constant on the way may have come in; at a node itself, where no step is on every way."""
        found: dict[str, int | None] = {**self.stretch.places(self.inquiry.plan)}
        return found or ({self.name: None} if self.stretch.of_node else {})

    def _earliest_first(self, group: Sequence[Fit]) -> list[Fit]:
        """Those nearest to the loss first, and of one place a constant before a rule."""
        places = list(self._places())

        def order(fit: Fit) -> tuple[int, bool]:
            at = fit.candidate.finding.at
            return (places.index(at) if at in places else len(places)), not _is_constant(fit)

        return sorted(group, key=order)

    def _grouped(self, passed: Sequence[Fit]) -> list[list[Fit]]:
        """Fits that go on with the same cotangent belong to one account."""
        groups: list[tuple[Array, list[Fit]]] = []
        for fit in passed:
            cotangent = np.asarray(fit.candidate.works[0].cotangent(self.stretch.anchor))
            for known, group in groups:
                if within(cotangent, known, 1e-9 * float(np.abs(known).max())):
                    group.append(fit)
                    break
            else:
                groups.append((cotangent, [fit]))
        return [group for _, group in groups]

    def _made_alone(self, candidate: Candidate) -> Candidate:
        """A mistake on the way, made for one gradient alone."""
        finding = candidate.finding
        if finding.code == "derivative_missing" and finding.detail is None:
            finding = named("stopped_short", self.name, what=finding.at)
        else:
            finding = also(finding, f", for ∂C/∂{self.name} alone")
        return Candidate(finding, candidate.predicted, (self.account.work,))

    def given_up(self) -> Hypothesis:
        """Nothing explains it: what comes after is held against it, or against what it implies."""
        slot, work = self.stretch.slot, self.account.work
        usable = [reading for reading in self.each.readings if np.isfinite(reading).all()]
        if usable and self.stretch.of_node:
            work = work.with_cotangent(slot, usable[0])
        elif usable and self.stretch.anchor != slot:
            implied = self._implied(usable[0])
            work = work if implied is None else work.with_cotangent(self.stretch.anchor, implied)
        return self.inquiry.unexplained(self.account, self.each.name, work, **self.confirmed)

    def _implied(self, answer: Array) -> Array | None:
        """The ∂C/∂s that a weight's gradient (∂C/∂s)ᵀ X was multiplied out of, by least squares.

        None where there are too many examples to tell, or where the answer is no such product.
        """
        number, position = self.inquiry.chain.takers[self.stretch.slot][0]
        part = self.account.work.parts(number)[position]
        if type(part) is not Outer or part.tokens or part.right.shape[0] >= part.right.shape[1]:
            return None
        product = answer if part.transposed else answer.T
        found: Array = np.linalg.lstsq(part.right.T, product, rcond=None)[0]
        return found if within(part.right.T @ found, product, self.inquiry.policy.bound(answer)) else None


def _is_constant(fit: Fit) -> bool:
    return fit.candidate.finding.value is not None
