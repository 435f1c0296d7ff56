"""Marking one submission against one problem."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, prod
from typing import Any, Literal

import numpy as np

from chainrule.engine.backends import choose
from chainrule.engine.fused import fuse
from chainrule.engine.plan import Plan
from chainrule.engine.trace import Cancelled, never, run_forward
from chainrule.grading.arrays import Array
from chainrule.grading.conclusion import conclude
from chainrule.grading.constants import LOG_BASES, Constants
from chainrule.grading.exchanged import exchanged
from chainrule.grading.hypothesis import Hypothesis
from chainrule.grading.inquiry import Inquiry, Submitted, most_tried, where_defined
from chainrule.grading.jacobian_work import jacobian_of, seeded
from chainrule.grading.kinks import Conventions, other_conventions
from chainrule.grading.policy import Policy, finite, largest, within, wrong_entries
from chainrule.grading.precision import SinglePrecision
from chainrule.grading.quantities import Quantity, in_order, resolve
from chainrule.grading.readings import Reader
from chainrule.grading.report import FULL, MOST_INDICES, Diagnosed, Item, Report, Status
from chainrule.grading.rounding import Rounding, affordable
from chainrule.grading.walk import walk
from chainrule.grading.work import Chain, Parts, Work

WITH_LOGARITHMS = ("bce", "bce_logits", "cross_entropy", "nll", "kl_div")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An answer that is no tensor: `missing`, or of no `shape`, and what was found."""

    kind: Literal["missing", "shape"]
    message: str


Answer = Array | Unreadable


class Grader:
    """Marks submissions to one problem, whose truth is computed once, on NumPy in float64.

    plan, leaves: the problem, as the engine takes it. upstream: a cotangent of the output in place of a loss.
    batched: whether answers have a batch axis. dtype: what submissions are computed in; the rounding of float32 counts.
    Raises DomainError where the problem itself has no numbers, and Cancelled where `cancelled()` says so.
    """

    def __init__(
        self,
        plan: Plan,
        leaves: Mapping[str, Array],
        *,
        upstream: Array | None = None,
        batched: bool = True,
        dtype: str = "float64",
        cancelled: Callable[[], bool] = never,
    ) -> None:
        self.plan, self.upstream, self.batched, self.dtype = plan, upstream, batched, dtype
        self.xp = choose("numpy", "cpu", "float64")
        self.differentiates = plan.loss is not None or upstream is not None
        with np.errstate(all="ignore"):
            arrays = {name: self.xp.asarray(array) for name, array in leaves.items()}
            trace = run_forward(plan, self.xp, arrays, cancelled)
            of = plan.output if upstream is not None or plan.loss is None else plan.loss
            fused = fuse(trace) if of == plan.loss else None
            parts: dict[int, Parts] = {} if fused is None else {fused.number: (fused.cotangent,)}
            seed: Any = upstream if upstream is not None else 1.0 if of == plan.loss else np.zeros(plan.full_shape(of))
            self.truth = Work.of_trace(Chain(plan, self.xp, of), trace, seed, parts)
        self._leaves, self._seed = leaves, seed
        logs = any(step.op.name in WITH_LOGARITHMS for step in plan.steps)
        self.constants = Constants(plan, LOG_BASES if logs else ())
        self._truths: dict[str, Array] = {}
        self._roundings: dict[int | None, Rounding | None] = {}

    def resolve(self, name: str) -> Quantity:
        """The quantity of that name. Raises UnknownQuantity."""
        return resolve(self.plan, name, differentiates=self.differentiates)

    def value(self, quantity: Quantity, work: Work | None = None) -> Array:
        """What a quantity is, in the engine's shape."""
        if work is None:
            if quantity.name not in self._truths:
                self._truths[quantity.name] = self.value(quantity, self.truth)
            return self._truths[quantity.name]
        if quantity.kind in ("value", "loss"):
            return np.asarray(work.value(quantity.slot))
        if quantity.kind == "jacobian":
            return jacobian_of(work, quantity)
        found = work.cotangent(quantity.slot)
        return np.zeros(self.plan.full_shape(quantity.slot)) if found is None else np.asarray(found)

    @cached_property
    def conventions(self) -> list[Conventions]:
        """Other ways than the truth's to take the subgradients at its kinks."""
        return other_conventions(self.truth)[: most_tried(self.plan)]

    def rounding(self, quantity: Quantity) -> float:
        """How far a right answer may be off beyond what the policy allows, for the precision it was computed in."""
        truth, eps = self.value(quantity), float(np.finfo(self.dtype).eps)
        steps = self._steps_of(quantity)
        of_steps = steps.of(quantity, truth, eps) if steps is not None else 0.0
        return of_steps + (self._single.rounding(quantity, truth) if self._single is not None else 0.0)

    def _steps_of(self, quantity: Quantity) -> Rounding | None:
        """Of all values and gradients, or of the Jacobians of one value."""
        of = quantity.of if quantity.kind == "jacobian" else None
        if of not in self._roundings:
            self._roundings[of] = where_defined(lambda: self._rounding(of))
        return self._roundings[of]

    def _rounding(self, of: int | None) -> Rounding | None:
        if of is None:
            return Rounding(self.truth, self.truth.chain.everything) if affordable(self.plan) else None
        if not affordable(self.plan, prod(self.plan.slots[of].shape)):
            return None
        work = seeded(self.truth, of)
        return Rounding(work, work.chain.before[of])

    @cached_property
    def _single(self) -> SinglePrecision | None:
        if self.dtype != "float32":
            return None
        return where_defined(lambda: SinglePrecision(self.truth, self._leaves, self._seed, self.value))

    def grade(
        self,
        answers: Mapping[str, Answer],
        policy: Policy,
        points: Mapping[str, float] | None = None,
        cancelled: Callable[[], bool] = never,
    ) -> Report:
        """Mark answers by quantity. `points`: what each is worth; 1 each of `answers` where there are none.

        Raises UnknownQuantity for an answer, or points, for what this problem does not have, and Cancelled where
        `cancelled()` says so between two quantities or two places of a mistake.
        """
        worth = dict.fromkeys(answers, 1.0) if points is None else {**dict.fromkeys(answers, 0.0), **points}
        quantities = in_order(self.plan, [self.resolve(name) for name in worth])
        with np.errstate(all="ignore"):
            return _Marking(self, policy, worth, cancelled).of(quantities, answers)


class _Marking:
    """One submission."""

    def __init__(
        self, grader: Grader, policy: Policy, worth: Mapping[str, float], cancelled: Callable[[], bool]
    ) -> None:
        self.grader, self.policy, self.worth, self.cancelled = grader, policy, worth, cancelled
        self.reader = Reader(grader.plan, grader.xp, policy, batched=grader.batched)

    @cached_property
    def other_truths(self) -> list[Work]:
        """The truth with other subgradients at its kinks."""
        return [self.grader.truth.with_conventions(each) for each in self.grader.conventions]

    def of(self, quantities: list[Quantity], answers: Mapping[str, Answer]) -> Report:
        items = {quantity.name: self._item(quantity, answers.get(quantity.name)) for quantity in quantities}
        diagnosis: list[Diagnosed] = []
        doubtful = any(item.status in ("wrong", "shape") and item.trouble is None for item in items.values())
        if doubtful:
            diagnosis = self._diagnosed(quantities, answers, items)
        for item in items.values():
            item.points = self._points(item)
        return Report(list(items.values()), diagnosis if self.policy.diagnose else [])

    # -- each quantity by itself --------------------------------------------------------------------------------
    def _item(self, quantity: Quantity, answer: Answer | None) -> Item:
        if self.cancelled():
            raise Cancelled
        most = self.worth[quantity.name]
        if answer is None:
            return Item(quantity.name, "missing", 0.0, most)
        if isinstance(answer, Unreadable):
            return Item(quantity.name, answer.kind, 0.0, most, trouble=answer.message)
        truth = self.grader.value(quantity)
        readings = self.reader.readings(answer, quantity)
        bound = self.policy.bound(truth)
        right = any(within(reading, truth, bound) for reading in readings)
        if readings and not right:
            bound = self.policy.bound(truth, self.grader.rounding(quantity))
            right = any(within(reading, truth, bound) for reading in readings)
        item = Item(quantity.name, "correct" if right else "wrong", 0.0, most)
        self._describe(item, quantity, answer, truth, bound)
        if not right:
            item.status = self._status(quantity, answer, readings, bound)
        return item

    def _status(self, quantity: Quantity, answer: Array, readings: list[Array], bound: float) -> Status:
        if not np.isfinite(answer).all():
            return "nonfinite"
        if not readings:
            return "shape"
        for work in self.other_truths:
            other = self.grader.value(quantity, work)
            if any(within(reading, other, bound) for reading in readings):
                return "at_kink"
        return "wrong"

    def _describe(self, item: Item, quantity: Quantity, answer: Array, truth: Array, bound: float) -> None:
        layout = self.reader.layout_of(answer, quantity)
        expected = self.reader.laid_out(truth, quantity, layout)
        item.shape, item.wanted_shape = answer.shape, expected.shape
        item.tolerance = {"rtol": self.policy.relative, "atol": self.policy.absolute}
        item.expected = expected
        item.total = int(expected.size)
        if answer.size == expected.size and self.reader.readings(answer, quantity):
            self._count(item, answer.reshape(expected.shape), expected, bound)

    def _count(self, item: Item, answer: Array, expected: Array, bound: float) -> None:
        wrong = wrong_entries(answer, expected, bound)
        item.wrong = int(np.count_nonzero(wrong))
        item.indices = [[int(i) for i in index] for index in np.argwhere(wrong)[:MOST_INDICES]]
        item.max_abs = largest(np.where(answer == expected, 0.0, answer - expected))  # ∞ − ∞ is no number
        size = largest(finite(expected))
        item.max_rel = item.max_abs / size if size > 0 else 0.0 if item.max_abs == 0 else float("inf")

    # -- all of them along the chain ----------------------------------------------------------------------------
    def _diagnosed(
        self, quantities: list[Quantity], answers: Mapping[str, Answer], items: dict[str, Item]
    ) -> list[Diagnosed]:
        submitted = [
            self._submitted(quantity, answers[quantity.name], items[quantity.name])
            for quantity in quantities
            if items[quantity.name].trouble is None and items[quantity.name].status not in ("missing", "nonfinite")
        ]
        pairs = exchanged(submitted, self.grader, self.policy)
        taken = {name for pair in pairs for name in pair.explains}
        along = [each for each in submitted if each.quantity.name not in taken]
        accounts = self._accounts(along) if along else []
        found = [*pairs]
        if accounts:
            self._judge(accounts[0], items)
            found += conclude(accounts, [each.quantity for each in along], self.grader.plan, self.grader.constants)
        for each in found:
            for name in each.follows:
                _follow(items[name], each.explains[0])
                items[name].exchanged = each in pairs
            for name in each.explains if self.policy.diagnose else ():
                items[name].codes += [
                    finding.code for finding in each.findings if finding.code not in items[name].codes
                ]
        return found

    def _accounts(self, along: list[Submitted]) -> list[Hypothesis]:
        """Those of whoever takes the subgradients at kinks in the way that leaves least to explain."""
        grader, ways = self.grader, [self.grader.truth, *self.other_truths]

        def accounts(truth: Work, share: int) -> list[Hypothesis]:
            return walk(Inquiry(truth, grader.constants, self.policy, self.cancelled, share), along)

        way = min(ways, key=lambda way: accounts(way, len(ways))[0].cost) if len(ways) > 1 else ways[0]
        return accounts(way, 1)

    def _submitted(self, quantity: Quantity, answer: Answer, item: Item) -> Submitted:
        assert not isinstance(answer, Unreadable)
        raw = answer
        if not self.grader.batched and self.grader.plan.slots[quantity.slot].batched and answer.ndim:
            raw = answer[None]
        readings = tuple(self.reader.readings(answer, quantity))
        right = item.status in FULL
        rounding = 0.0 if right else self.grader.rounding(quantity)
        return Submitted(quantity, raw, readings, right, self.grader.value(quantity), rounding)

    def _judge(self, account: Hypothesis, items: dict[str, Item]) -> None:
        for name, source in account.carries_on.items():
            _follow(items[name], source)

    def _points(self, item: Item) -> float:
        if item.status in FULL or (item.status == "correct_given_own_work" and self.policy.follow_through):
            return item.max_points
        if self.policy.partial == "entries" and item.wrong is not None and item.total:
            share = item.max_points * (item.total - item.wrong) / item.total
            return share if isfinite(share) else 0.0
        return 0.0


def _follow(item: Item, source: str) -> None:
    """One mistake is charged once."""
    if item.status in ("wrong", "shape"):
        item.status = "correct_given_own_work"
        item.follows_from = source
