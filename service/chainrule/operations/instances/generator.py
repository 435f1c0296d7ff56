"""Instances: a template's numbers drawn from a seed, again and again until they fulfil its constraints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from chainrule.engine.cost import forward_cost
from chainrule.engine.plan import Plan
from chainrule.engine.trace import Cancelled, never
from chainrule.operations.instances.constraints import violated
from chainrule.operations.instances.numbers import check_count, draw_numbers
from chainrule.operations.instances.spelling import Spelling, spell
from chainrule.operations.limits import Limits
from chainrule.operations.prepared import Prepared, prepare
from chainrule.operations.refusals import Refused
from chainrule.operations.validation import refusal_of
from chainrule.schemas.decoding import Array
from chainrule.schemas.envelope import TensorRef
from chainrule.schemas.requests import Problem
from chainrule.schemas.templates import Template
from chainrule.schemas.tensors import ArrayCollector

Accept = Callable[[Plan, Mapping[str, NDArray[Any]]], str | None]
"""A check of an instance beyond its constraints: given its plan and every leaf by name (float64, batch axis first),
why its numbers should be drawn again, or None. It stands behind the constraint `tells_apart`."""

_ADVICE = {
    "kink_distance": "a unit is too near to a kink, or at one: write a smaller kink_distance, smaller sizes or a finer "
    "grid",
    "both_sides": "all units of a layer are on one side of its kink: write larger sizes, or both_sides false",
    "unnamed_share": "the share of active units is a constant that has a name: write other sizes, or unnamed_share "
    "false",
    "tells_apart": "two mistakes would give the same numbers: write other sizes, or tells_apart false",
    "finite": "a value is not finite: write smaller numbers",
}


class Instance(NamedTuple):
    """A problem with its numbers."""

    problem: dict[str, Any]
    """`network`, `inputs`, …, as a request has them, with a NumPy array for every tensor that was drawn."""
    sizes: dict[str, int]
    attempt: int
    """Which drawing it is, from 0: those before it did not fulfil the constraints."""


def make_instance(
    template: Template,
    seed: int,
    accept: Accept | None = None,
    *,
    attempt: int | None = None,
    limits: Limits | None = None,
    cancelled: Callable[[], bool] = never,
) -> Instance:
    """The instance of a template for a seed (0 … 2⁶⁴ − 1): the same everywhere, as long as `accept` is.

    Each attempt draws from streams of its own: sizes, choices and numbers anew. Where `attempt` is given it is that
    one, whatever its numbers fulfil, and so the same for ever.

    Raises Refused where the template makes no sound problem, would cost more than `limits` allow, or no attempt fulfils
    its constraints, then naming those that failed; and Cancelled where `cancelled()` says so between two attempts.
    """
    attempts = _Attempts(template, seed, accept, limits or Limits())
    if attempt is not None:
        return attempts.make(attempt)
    failed = Counter[str]()
    for number in range(template.constraints.attempts):
        if cancelled():
            raise Cancelled
        found = attempts.checked(number)
        if isinstance(found, Instance):
            return found
        failed[found] += 1
    raise _none_found(failed)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A structure prepared for its shapes, and where its arrays come from."""

    prepared: Prepared
    sources: tuple[TensorRef | Array, ...]


class _Attempts:
    """Attempts at one instance. What they share, they share."""

    def __init__(self, template: Template, seed: int, accept: Accept | None, limits: Limits) -> None:
        self._template, self._seed, self._accept, self._limits = template, seed, accept, limits
        self._ready: dict[tuple[Any, ...], _Ready] = {}

    def make(self, attempt: int) -> Instance:
        """The instance, whatever its numbers fulfil."""
        return self._draw(attempt)[0]

    def checked(self, attempt: int) -> Instance | str:
        """The instance, or the name of a constraint that it does not fulfil."""
        instance, prepared, arrays = self._draw(attempt)
        return self._reason(prepared, arrays, instance.sizes) or instance

    def _draw(self, attempt: int) -> tuple[Instance, Prepared, list[Array]]:
        spelling = spell(self._template, self._seed, attempt)
        ready = self._ready.get(spelling.structure)
        if ready is None:
            check_count(spelling.draws)
            ready = self._ready[spelling.structure] = self._prepare(spelling)
        drawn = [draw_numbers(draw, self._seed, attempt) for draw in spelling.draws]
        arrays = [drawn[source.index] if isinstance(source, TensorRef) else source for source in ready.sources]
        return Instance(_filled(spelling.problem, drawn), spelling.sizes, attempt), ready.prepared, arrays

    def _prepare(self, spelling: Spelling) -> _Ready:
        # A draw where the request has a list, and no tensor, is refused by what stands in its span.
        collector = ArrayCollector([b"0"] * len(spelling.draws))
        model = _validated(spelling.problem, collector)
        sources = collector.layout.sources
        shapes = [spelling.draws[each.index].shape if isinstance(each, TensorRef) else each.shape for each in sources]
        prepared = prepare(model, shapes)
        once = prepared.cost + forward_cost(prepared.plan, traced=True)
        self._limits.check(once, "float64")
        self._limits.check(type(once)(flops=once.flops * self._template.constraints.attempts), "float64")
        return _Ready(prepared, sources)

    def _reason(self, prepared: Prepared, arrays: list[Array], sizes: Mapping[str, int]) -> str | None:
        with np.errstate(all="ignore"):
            reason = violated(self._template.constraints, sizes, prepared.trace(arrays))
            if reason is None and self._accept is not None and self._template.constraints.tells_apart:
                return self._accept(prepared.plan, prepared.host_leaves(arrays)) and "tells_apart"
        return reason


def plan_of(problem: Mapping[str, Any]) -> Plan:
    """The plan of an instance's problem."""
    collector = ArrayCollector()
    model = _validated(problem, collector)
    return prepare(model, [array.shape for array in collector.arrays]).plan


def _validated(problem: Mapping[str, Any], collector: ArrayCollector) -> Problem:
    request = {**problem, "backend": "numpy"}
    try:
        return Problem.model_validate(request, context={"arrays": collector})
    except ValidationError as error:
        raise refusal_of(error, request) from None


def _filled(tree: Any, drawn: list[NDArray[Any]]) -> Any:
    if isinstance(tree, TensorRef):
        return drawn[tree.index]
    if isinstance(tree, dict):
        return {key: _filled(item, drawn) for key, item in tree.items()}
    return [_filled(item, drawn) for item in tree] if isinstance(tree, list) else tree


def _none_found(failed: Counter[str]) -> Refused:
    told = "; ".join(f"{name} failed {count} times ({_ADVICE[name]})" for name, count in failed.most_common())
    return Refused(f"no instance was found in {failed.total()} attempts: {told}", title="No instance found")
