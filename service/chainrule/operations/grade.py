"""`grade`: answers held against the truth, and the mistakes that explain those that are wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import replace
from typing import Any, Self

from numpy.typing import NDArray

from chainrule.engine.cost import Cost, forward_cost, gradients_cost, jacobian_cost
from chainrule.engine.errors import EngineError
from chainrule.engine.trace import never
from chainrule.grading import LEVELS, Grader, Policy, Quantity, UnknownQuantity, Unreadable
from chainrule.grading.inquiry import most_tried, size_of
from chainrule.grading.quantities import resolve
from chainrule.operations.graders import Graders
from chainrule.operations.limits import ITEMSIZE, Limits
from chainrule.operations.objective import upstream_array
from chainrule.operations.prepared import Arrays, Prepared
from chainrule.operations.refusals import refuse
from chainrule.operations.results import Reply, meta
from chainrule.schemas.answers import Answers, NoTensor, pointer_to
from chainrule.schemas.grading import GradeRequest
from chainrule.schemas.pointers import shown
from chainrule.schemas.reports import Feedback

A_TRY = 3
"""What it takes to try one mistake at one place, in applications of an op,"""
A_NUMBER_TRIED = 250
"""and in floating-point operations for each number of the problem: every named constant is tried with it."""
KEPT_OF_A_PAIR = 6
"""Numbers that take as much memory as what is known of two values: whether one depends on the other."""

_KEPT: Graders[Grader] = Graders()


class Grade:
    """A problem ready to have answers to it marked; with `of`, those of one submission."""

    def __init__(self, prepared: Prepared, limits: Limits) -> None:
        request = prepared.request
        assert isinstance(request, GradeRequest)
        # What computes the truth is not the request's to choose, and to grade no torch need be installed.
        on_numpy = request.model_copy(update={"backend": "numpy", "device": "cpu", "dtype": "float64"})
        self.prepared, self.request, self.limits = replace(prepared, request=on_numpy), request, limits
        self.policy = Policy(**request.policy.model_dump())
        self.answers: Answers = {}
        self._within: Feedback = "values"
        self.differentiates = request.upstream is not None or prepared.plan.loss is not None
        points = request.points or {}
        self._named = {name: self._resolve(name, f"/points/{shown(name)}") for name in points}
        self._base = self._of_problem()
        self.cost = self._with_jacobians(self._named.values())
        limits.check(self.cost, "float64")

    def of(self, answers: Answers, within: Feedback = "values") -> Self:
        """The same for one submission, of which no more is told than `within`. Raises Refused."""
        marked = copy(self)
        asked = {name: self._resolve(name, f"/answers{pointer_to(name)}") for name in answers}
        cost = self._with_jacobians({**self._named, **asked}.values())
        tried, size = most_tried(self.prepared.plan), size_of(self.prepared.plan)
        cost += Cost(held=tried * size)
        self.limits.check(cost, "float64")
        marked.cost = cost + Cost(flops=tried * size * A_NUMBER_TRIED, calls=tried * A_TRY)
        marked.answers, marked._within = answers, within
        return marked

    def run(self, arrays: Arrays, cancelled: Callable[[], bool] = never) -> Reply:
        """The reply. Raises Refused, and Cancelled."""
        size = self._base.bytes(ITEMSIZE["float64"])
        grader = _KEPT.get(self.prepared, arrays, size, lambda: self._grader(arrays, cancelled))
        report = grader.grade(_for_the_grader(self.answers), self.policy, self.request.points, cancelled)
        level = min(self.policy.feedback, self._within, key=LEVELS.index)
        return {**report.told(level), "warnings": [], "meta": meta("numpy", "cpu", "float64")}

    def _grader(self, arrays: Arrays, cancelled: Callable[[], bool]) -> Grader:
        request, leaves = self.request, self.prepared.host_leaves(arrays)
        upstream = upstream_array(self.prepared, request, arrays)
        try:
            return Grader(
                self.prepared.plan,
                leaves,
                upstream=upstream,
                batched=request.batched,
                dtype=request.dtype,
                cancelled=cancelled,
            )
        except EngineError as error:
            raise self.prepared.description.pointers.refusal(error) from None

    def _resolve(self, name: str, pointer: str) -> Quantity:
        try:
            return resolve(self.prepared.plan, name, differentiates=self.differentiates)
        except UnknownQuantity as error:
            raise refuse(pointer, str(error)) from None

    def _of_problem(self) -> Cost:
        plan = self.prepared.plan
        names = (*plan.parameters, *plan.inputs, *plan.nodes) if self.differentiates else ()
        every = [plan.index[name] for name in names]
        chain = Cost(held=KEPT_OF_A_PAIR * len(plan.slots) ** 2)
        return self.prepared.cost + forward_cost(plan) + gradients_cost(plan, every) + chain

    def _with_jacobians(self, quantities: Iterable[Quantity]) -> Cost:
        plan = self.prepared.plan
        pairs = [jacobian_cost(plan, each.of, each.slot) for each in quantities if each.kind == "jacobian"]
        return sum(pairs, replace(self._base, returned=0))


def _for_the_grader(answers: Answers) -> Mapping[str, NDArray[Any] | Unreadable]:
    return {
        name: Unreadable(answer.kind, answer.message) if isinstance(answer, NoTensor) else answer
        for name, answer in answers.items()
    }
