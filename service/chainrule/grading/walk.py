"""The walk along a submission, quantity by quantity on its own upstream, keeping the accounts that explain most.

A quantity that the right rule gives from what came before follows. Else every single mistake on the way since the last
confirmed quantity is tried, alone and then with a named constant or a second mistake. Each that fits starts an account
of its own; later quantities decide between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.errors import EngineError
from chainrule.engine.ops.penalties import Total
from chainrule.engine.structure import Outer
from chainrule.grading import fits
from chainrule.grading.candidates import (
    Candidate,
    backward_candidates,
    forward_candidates,
    loss_candidates,
    parameter_candidates,
)
from chainrule.grading.constants import LOG_BASES, Constant, Constants
from chainrule.grading.findings import Finding, also, of_constant, unnamed
from chainrule.grading.hypothesis import Explanation, Hypothesis, Scope, Verdict
from chainrule.grading.jacobian_work import jacobian_candidates, jacobian_of
from chainrule.grading.policy import Policy, within
from chainrule.grading.quantities import Quantity
from chainrule.grading.work import Work

Array = NDArray[Any]

MOST_ACCOUNTS = 12
"""Accounts kept from one quantity to the next."""
ZEROS = "Is it assigned at all, and after the backward pass?"
BUDGET = 1_500
"""Alterations tried for one submission."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """An answer: as it came, as what it may be meant (in the engine's shapes), and whether it is right."""

    quantity: Quantity
    raw: Array
    readings: tuple[Array, ...]
    right: bool


class Walk:
    """One submission's diagnosis."""

    def __init__(self, truth: Work, constants: Constants, policy: Policy) -> None:
        self.truth, self.constants, self.policy = truth, constants, policy
        self.chain, self.plan = truth.chain, truth.chain.plan
        self.left = BUDGET

    def along(self, submitted: Sequence[Submitted]) -> list[Hypothesis]:
        """The accounts that explain most with fewest mistakes, the simplest first."""
        accounts = [Hypothesis(self.truth)]
        for each in submitted:
            accounts = _best([after for account in accounts for after in self._judged(account, each)])
        least = accounts[0].cost
        return [account for account in accounts if account.cost[:3] == least[:3]]

    def _judged(self, account: Hypothesis, each: Submitted) -> Iterator[Hypothesis]:
        kind = each.quantity.kind
        if kind == "value":
            yield from self._value(account, each)
        elif kind == "loss":
            yield from self._loss(account, each)
        elif kind == "gradient":
            yield from self._gradient(account, each)
        else:
            yield from self._jacobian(account, each)

    # -- values -------------------------------------------------------------------------------------------------
    def _value(self, account: Hypothesis, each: Submitted) -> Iterator[Hypothesis]:
        slot, work, name = each.quantity.slot, account.work, each.quantity.name
        settled = {"settled": account.settled | {slot}}
        right = _or_none(lambda: work.value(slot))
        if right is not None and self._is(each, right):
            yield account.judged(name, "follows", **settled)
        elif each.right:
            yield account.judged(
                name, "returns", work=work.with_value(slot, self.truth.value(slot)), source=None, **settled
            )
        else:
            own = each.readings[0] if each.readings else None
            found = self._value_fits(account, each, right)
            for explanation, works in found:
                kept = works if own is None else (*works, work.with_value(slot, own))
                for after in filter(self._goes_on, kept):
                    yield self._explained(account, explanation, after, **settled)
            if not found:
                adopted = None if own is None or not np.isfinite(own).all() else work.with_value(slot, own)
                after = adopted if adopted is not None and self._goes_on(adopted) else work
                yield self._unexplained(account, name, after, **settled)

    def _goes_on(self, work: Work) -> bool:
        """Whether the rest of the chain is defined on these values."""
        return _or_none(lambda: work.value(self.chain.of)) is not None

    def _value_fits(
        self, account: Hypothesis, each: Submitted, right: Array | None
    ) -> list[tuple[Explanation, tuple[Work, ...]]]:
        slot, work, name = each.quantity.slot, account.work, each.quantity.name
        steps = self._steps_forward(account, slot)
        candidates = self._spent(forward_candidates(work, steps, slot))
        if right is not None and slot in self.chain.producers:
            candidates += self._times_constants(
                each, right, self.plan.slots[slot].name, lambda c: work.with_value(slot, c * right)
            )
        exact = fits.exact_fits(each.readings, candidates, self.policy)
        return [(_explanation(name, exact), exact[0].candidate.works)] if exact else []

    def _steps_forward(self, account: Hypothesis, slot: int) -> list[int]:
        """The steps from the last settled values to `slot`."""
        found, waiting = set[int](), [slot]
        while waiting:
            number = self.chain.producers.get(waiting.pop())
            if number is not None and number not in found:
                found.add(number)
                waiting += [taken for taken in self.plan.steps[number].inputs if taken not in account.settled]
        return sorted(found)

    # -- the loss -----------------------------------------------------------------------------------------------
    def _loss(self, account: Hypothesis, each: Submitted) -> Iterator[Hypothesis]:
        slot, work, name = each.quantity.slot, account.work, each.quantity.name
        right = _or_none(lambda: work.value(slot))
        if right is not None and self._is(each, right):
            yield account.judged(name, "follows")
        elif each.right:
            yield account.judged(name, "returns")
        else:
            exact = [] if right is None else self._loss_fits(work, each, slot, right)
            if exact:
                explanation = _explanation(name, exact)
                for number, after in enumerate(exact[0].candidate.works):
                    in_value_alone = number == len(exact[0].candidate.works) - 1
                    scope: Scope = "alone" if in_value_alone else "chain"
                    yield self._explained(account, replace(explanation, scope=scope), after)
            else:
                yield self._unexplained(account, name, work)

    def _loss_fits(self, work: Work, each: Submitted, slot: int, right: Array) -> list[fits.Fit]:
        step = self.plan.steps[self.chain.producers[slot]]
        data = step.inputs[0] if isinstance(step.op, Total) else slot
        number = self.chain.producers[data]
        beyond = right - work.value(data)
        derivative: Any = work.parts(number)[0]

        def scaled(constant: float) -> Work:
            return work.with_parts(number, (constant * derivative, None))

        candidates = [
            replace(found, predicted=found.predicted + beyond) for found in self._spent(loss_candidates(work, number))
        ]
        candidates += [
            replace(found, works=(*found.works, work))
            for found in self._times_constants(each, work.value(data), "C", scaled, of_loss=True, beyond=beyond)
        ]
        candidates += self._unreduced(work, number, each)
        return fits.exact_fits((*each.readings, each.raw), candidates, self.policy)

    def _unreduced(self, work: Work, number: int, each: Submitted) -> list[Candidate]:
        terms = work.point(number).saved
        message = "the loss is left as one number an element or an example"
        finding = Finding("unreduced", "C", message, "The loss of a batch is one number: apply the reduction.")
        rows = [terms.elements, terms.elements * terms.factor]
        if terms.elements.ndim == 2:
            rows += [row.sum(-1) for row in rows] + [terms.elements.mean(-1)]
        return [Candidate(finding, row, (work,)) for row in rows if row.shape == each.raw.shape]

    # -- gradients ----------------------------------------------------------------------------------------------
    def _gradient(self, account: Hypothesis, each: Submitted) -> Iterator[Hypothesis]:
        slot, work, name = each.quantity.slot, account.work, each.quantity.name
        right = _or_none(lambda: work.cotangent(slot))
        if right is None:
            right = np.zeros(self.plan.full_shape(slot))
        anchor = self._anchor(slot)
        confirmed = {"confirmed": account.confirmed | {slot, anchor}}
        if self._is(each, right):
            yield account.judged(name, "follows", **confirmed)
        elif each.right:
            back = (
                work.with_cotangent(anchor, self.truth.cotangent(anchor))
                if anchor != slot or self._is_node(slot)
                else work
            )
            yield account.judged(name, "returns", work=back, source=None, **confirmed)
        elif not each.raw.any():
            zeros = Finding(
                "zeros", self.plan.slots[slot].name, f"∂C/∂{self.plan.slots[slot].name} is all zeros", ZEROS
            )
            after = work.with_cotangent(slot, each.readings[0]) if each.readings and self._is_node(slot) else work
            scope: Scope = "chain" if after is not work else "alone"
            yield self._explained(account, Explanation(name, (zeros,), scope=scope), after, **confirmed)
        else:
            accounts = list(self._gradient_accounts(account, each, right, anchor, confirmed))
            yield from accounts or [self._gave_up(account, each, anchor, confirmed)]

    def _gradient_accounts(
        self, account: Hypothesis, each: Submitted, right: Array, anchor: int, confirmed: Mapping[str, Any]
    ) -> Iterator[Hypothesis]:
        slot, work, name = each.quantity.slot, account.work, each.quantity.name
        steps = self._steps_back(account, slot)
        on_the_way = self._spent(backward_candidates(work, steps, slot))
        alone = [] if self._is_node(slot) else self._spent(parameter_candidates(work, slot))
        places = self._places(steps) or [self.plan.slots[slot].name]
        if steps:
            for place in places:
                on_the_way += self._times_constants(each, right, place, lambda c: _scaled(work, anchor, c))
        if not self._is_node(slot):
            alone += self._times_constants(each, right, self.plan.slots[slot].name, lambda _: work, parameter=True)
        alone += self._plain(each, right, slot, work)
        passed = fits.exact_fits(each.readings, on_the_way, self.policy)
        kept = fits.exact_fits((*each.readings, each.raw), alone, self.policy)
        if not passed and not kept:
            passed, kept = self._with_any_factor(each, right, places, anchor, work, slot, bool(steps))
        for group in self._grouped(passed, anchor):
            explanation = _explanation(name, _earliest_first(group, places))
            yield self._explained(account, explanation, group[0].candidate.works[0], **confirmed)
        if not self._is_node(slot):
            kept += [
                fits.Fit(_alone(each_fit.candidate, self.plan.slots[slot].name, work))
                for each_fit in passed
                if not _is_constant(each_fit)
            ]
        if kept:
            explanation = replace(_explanation(name, kept), scope="alone")
            yield self._explained(account, explanation, work, **confirmed)
        elif not passed and self.left > 0:
            yield from self._two_at_once(account, each, steps, on_the_way, alone, confirmed)

    def _with_any_factor(
        self, each: Submitted, right: Array, places: Sequence[str], anchor: int, work: Work, slot: int, chain: bool
    ) -> tuple[list[fits.Fit], list[fits.Fit]]:
        factor = fits.unnamed_factor(each.readings, right, self.policy)
        if factor is None:
            return [], []
        here = Candidate(unnamed(factor, self.plan.slots[slot].name), right * factor, (work,))
        on_the_way = [
            fits.Fit(Candidate(unnamed(factor, place), right * factor, (_scaled(work, anchor, factor),)))
            for place in (places if chain else ())
        ]
        return on_the_way, [] if self._is_node(slot) else [fits.Fit(here)]

    def _two_at_once(
        self,
        account: Hypothesis,
        each: Submitted,
        steps: Sequence[int],
        on_the_way: Sequence[Candidate],
        alone: Sequence[Candidate],
        confirmed: Mapping[str, Any],
    ) -> Iterator[Hypothesis]:
        slot, work, name = each.quantity.slot, account.work, each.quantity.name
        anchor = self._anchor(slot)
        varied = [candidate for candidate in on_the_way if candidate.finding.value is None]
        for fit in fits.named_fits(each.readings, varied, self.policy, self.constants):
            assert fit.constant is not None
            second = of_constant(fit.constant, fit.candidate.finding.at)
            after = _scaled(fit.candidate.works[0], anchor, fit.constant.value)
            yield self._explained(account, Explanation(name, (fit.candidate.finding, second)), after, **confirmed)
            return
        own = [candidate for candidate in alone if candidate.finding.value is None]
        for fit in fits.named_fits((*each.readings, each.raw), own, self.policy, self.constants):
            assert fit.constant is not None
            second = of_constant(fit.constant, self.plan.slots[slot].name, parameter=True, batch=self.plan.batch)
            yield self._explained(
                account, Explanation(name, (fit.candidate.finding, second), scope="alone"), work, **confirmed
            )
            return
        for first in varied:
            if self.left <= 0:
                return
            after = first.works[0]
            later = [number for number in steps if self.plan.steps[number].name != first.finding.at]
            pairs = self._spent(backward_candidates(after, later, slot))
            pairs += [] if self._is_node(slot) else self._spent(parameter_candidates(after, slot))
            for fit in fits.exact_fits((*each.readings, each.raw), pairs, self.policy):
                findings = (first.finding, fit.candidate.finding)
                yield self._explained(account, Explanation(name, findings), fit.candidate.works[0], **confirmed)
                return

    def _gave_up(self, account: Hypothesis, each: Submitted, anchor: int, confirmed: Mapping[str, Any]) -> Hypothesis:
        slot, work = each.quantity.slot, account.work
        usable = [reading for reading in each.readings if np.isfinite(reading).all()]
        if usable and self._is_node(slot):
            work = work.with_cotangent(slot, usable[0])
        elif usable and anchor != slot:
            implied = self._implied(work, slot, usable[0])
            work = work if implied is None else work.with_cotangent(anchor, implied)
        return self._unexplained(account, each.quantity.name, work, **confirmed)

    def _implied(self, work: Work, slot: int, answer: Array) -> Array | None:
        """The cotangent that a weight's gradient was multiplied out of: ∂C/∂s with (∂C/∂s)ᵀ X the answer.

        None where there are more examples than that can tell, or where the answer is no such product.
        """
        (number, position) = self.chain.takers[slot][0]
        part = work.parts(number)[position]
        if type(part) is not Outer or part.tokens or part.right.shape[0] >= part.right.shape[1]:
            return None
        product = answer if part.transposed else answer.T
        found: Array = np.linalg.lstsq(part.right.T, product, rcond=None)[0]
        bound = self.policy.bound(answer)
        return found if within(part.right.T @ found, product, bound) else None

    def _plain(self, each: Submitted, right: Array, slot: int, work: Work) -> list[Candidate]:
        """Rounding, which is no alteration of the rule."""
        name, found = self.plan.slots[slot].name, list[Candidate]()
        places = fits.rounded_to(each.readings, right)
        if places is not None:
            message = f"∂C/∂{name} is right, but rounded to {places} decimals"
            finding = Finding("rounded", name, message, "Give the numbers in full.", detail=f"{places} decimals")
            found += [Candidate(finding, reading, (work,)) for reading in each.readings]
        return found

    def _anchor(self, slot: int) -> int:
        """Where a cotangent is scaled so that a quantity is: a parameter's is where the one step that takes it ends."""
        takers = self.chain.takers[slot]
        if self._is_node(slot) or len(takers) != 1:
            return slot
        return self.plan.steps[takers[0][0]].output

    def _is_node(self, slot: int) -> bool:
        return self.plan.slots[slot].batched or slot in self.chain.producers

    def _steps_back(self, account: Hypothesis, slot: int) -> list[int]:
        """The steps from the last confirmed cotangents to `slot`, the nearest to the loss first."""
        found = set[int]()
        waiting = [number for number, _ in self.chain.takers[slot]]
        own = set() if self._is_node(slot) else set(waiting)
        while waiting:
            number = waiting.pop()
            if number in found:
                continue
            found.add(number)
            output = self.plan.steps[number].output
            if output not in account.confirmed:
                waiting += [taker for taker, _ in self.chain.takers[output]]
        return sorted((number for number in found - own if self._counts(number)), reverse=True)

    def _counts(self, number: int) -> bool:
        return self.plan.steps[number].output in self.chain.before[self.chain.of]

    def _places(self, steps: Sequence[int]) -> list[str]:
        """Where a constant may come in: the loss, and every op that does something."""
        names = [
            "C" if self.plan.steps[number].op.family == "loss" else self.plan.steps[number].name
            for number in steps
            if self.plan.steps[number].op.name != "identity"
        ]
        return list(dict.fromkeys(names))

    # -- Jacobians ----------------------------------------------------------------------------------------------
    def _jacobian(self, account: Hypothesis, each: Submitted) -> Iterator[Hypothesis]:
        quantity, work, name = each.quantity, account.work, each.quantity.name
        right = _or_none(lambda: jacobian_of(work, quantity))
        if right is not None and self._is(each, right):
            yield account.judged(name, "follows")
            return
        if each.right:
            yield account.judged(name, "returns")
            return
        exact: list[fits.Fit] = []
        if right is not None:
            candidates = self._spent(jacobian_candidates(work, quantity, right))
            at = self.plan.slots[quantity.of].name
            candidates += self._times_constants(each, right, at, lambda _: work)
            exact = fits.exact_fits((*each.readings, each.raw), candidates, self.policy)
        if exact:
            yield self._explained(account, replace(_explanation(name, exact), scope="alone"), work)
        else:
            yield self._unexplained(account, name, work)

    # -- what all share -----------------------------------------------------------------------------------------
    def _is(self, each: Submitted, right: Array) -> bool:
        bound = self.policy.bound(right)
        return any(reading.shape == right.shape and within(reading, right, bound) for reading in each.readings)

    def _times_constants(
        self,
        each: Submitted,
        right: Array,
        at: str,
        scaled: Any,
        *,
        parameter: bool = False,
        of_loss: bool = False,
        beyond: Any = 0.0,
    ) -> list[Candidate]:
        """The right quantity times a named constant, where that is what the answer is."""
        plain = Candidate(Finding("", at, "", ""), right, ())
        readings = [reading - beyond for reading in each.readings]
        found = []
        for fit in fits.named_fits(readings, [plain], self.policy, self.constants):
            constant = fit.constant
            assert constant is not None
            finding = _name_of(constant, at, parameter=parameter, of_loss=of_loss, batch=self.plan.batch)
            found.append(Candidate(finding, right * constant.value + beyond, (scaled(constant.value),)))
        return found

    def _grouped(self, passed: Sequence[fits.Fit], anchor: int) -> list[list[fits.Fit]]:
        """Fits that go on with the same cotangent belong to one account."""
        groups: list[tuple[Array, list[fits.Fit]]] = []
        for fit in passed:
            cotangent = np.asarray(fit.candidate.works[0].cotangent(anchor))
            for known, group in groups:
                if within(cotangent, known, 1e-9 * max(1e-300, float(np.abs(known).max()))):
                    group.append(fit)
                    break
            else:
                groups.append((cotangent, [fit]))
        return [group for _, group in groups]

    def _spent(self, candidates: Iterator[Candidate]) -> list[Candidate]:
        found = list(candidates) if self.left > 0 else []
        self.left -= len(found)
        return found

    def _explained(self, account: Hypothesis, explanation: Explanation, work: Work, **changes: Any) -> Hypothesis:
        source = explanation.quantity if explanation.scope == "chain" else account.source
        judged = account.judged(explanation.quantity, "explained", work=work, **changes)
        return replace(judged, explanations=(*account.explanations, explanation), source=source)

    def _unexplained(self, account: Hypothesis, name: str, work: Work, **changes: Any) -> Hypothesis:
        verdict: Verdict = "unexplained"
        source = name if work is not account.work else account.source
        return replace(account.judged(name, verdict, work=work, **changes), source=source)


def _best(accounts: list[Hypothesis]) -> list[Hypothesis]:
    accounts.sort(key=lambda account: account.cost)
    least = accounts[0].cost
    return [each for each in accounts if each.cost[0] <= least[0] and each.cost[1] <= least[1] + 1][:MOST_ACCOUNTS]


def _explanation(name: str, found: Sequence[fits.Fit]) -> Explanation:
    first, *others = list(dict.fromkeys(fit.candidate.finding for fit in found))
    return Explanation(name, (first,), tuple(others))


def _earliest_first(group: Sequence[fits.Fit], places: Sequence[str]) -> list[fits.Fit]:
    """Those nearest to the loss first, and of one place a constant before a rule."""

    def order(fit: fits.Fit) -> tuple[int, bool]:
        at = fit.candidate.finding.at
        return (places.index(at) if at in places else len(places)), not _is_constant(fit)

    return sorted(group, key=order)


def _is_constant(fit: fits.Fit) -> bool:
    return fit.candidate.finding.value is not None


def _alone(candidate: Candidate, parameter: str, work: Work) -> Candidate:
    """A mistake on the way, made for one gradient alone."""
    finding = candidate.finding
    if finding.code == "derivative_missing" and finding.detail is None:
        message = f"∂C/∂{parameter} is taken from the gradient before {finding.at}, whose derivative is left out"
        finding = Finding("stopped_short", parameter, message, finding.hint)
    else:
        finding = also(finding, f", for ∂C/∂{parameter} alone")
    return Candidate(finding, candidate.predicted, (work,))


def _scaled(work: Work, slot: int, constant: float) -> Work:
    return work.with_cotangent(slot, constant * work.cotangent(slot))


def _name_of(constant: Constant, at: str, *, parameter: bool, of_loss: bool, batch: int) -> Finding:
    if constant in LOG_BASES:
        base = constant.name.removeprefix("1/ln ")
        message = f"the logarithm is to base {base}"
        return Finding(
            "log_base", at, message, "These losses use the natural logarithm.", f"base {base}", value=constant.value
        )
    if of_loss and set(constant.name) <= set("NK·/1()"):
        message = f"the loss is {constant.name} times what it should be: another reduction"
        hint = "Is the loss a sum or a mean, and over what?"
        return Finding("reduction", at, message, hint, factor=constant.name, value=constant.value)
    return of_constant(constant, at, parameter=parameter, batch=batch)


def _or_none(compute: Any) -> Any:
    try:
        return compute()
    except EngineError:
        return None
