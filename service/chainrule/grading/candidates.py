"""Every single mistake that could be behind a wrong quantity, and the numbers that each would give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from chainrule.engine.errors import EngineError
from chainrule.engine.op import Op, Point
from chainrule.engine.ops.linear import Linear
from chainrule.engine.ops.loss import Loss
from chainrule.grading.arrays import Array
from chainrule.grading.findings import Finding, of_mistake
from chainrule.grading.mistakes import (
    activation_mistake,
    linear_mistake,
    loss_mistake,
    parameter_mistake,
    value_mistake,
)
from chainrule.grading.mistakes.places import (
    ActivationPlace,
    LinearPlace,
    LossPlace,
    ParameterPlace,
    ValuePlace,
    is_activation,
)
from chainrule.grading.mistakes.registry import Altered
from chainrule.grading.work import Work


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mistake, and the quantity as it would then be. `works`: how the work would go on from it, most likely first."""

    finding: Finding
    predicted: Array
    works: tuple[Work, ...]


def backward_candidates(work: Work, steps: Iterable[int], slot: int) -> Iterator[Candidate]:
    """Mistakes made on the way back through `steps`, seen in the cotangent of `slot`."""
    for number in steps:
        for finding, parts in _applied(partial(altered_parts, work, number)):
            altered = work.with_parts(number, parts)
            predicted = altered.cotangent(slot)
            if predicted is not None:
                yield Candidate(finding, predicted, (altered,))


def altered_parts(work: Work, number: int) -> Iterator[tuple[Finding, tuple[Any, ...]]]:
    """What each mistake in the backward pass through a step would make of what it passes on."""
    step, op, point = work.chain.plan.steps[number], work.op(number), work.point(number)
    cotangent = work.cotangent(step.output)
    if cotangent is None:
        return
    if isinstance(op, Loss):
        place = _loss_place(work, number, op)
        for mistake in loss_mistake:
            for altered in mistake.apply(place):
                if altered.derivative is not None:
                    yield of_mistake(mistake, altered, "C"), (altered.derivative * cotangent, None)
    elif len(step.inputs) == 1 and is_activation(op, point.inputs[0], point.output):
        here = ActivationPlace(work.chain.xp, op, point.inputs[0], point.output, cotangent)
        for entry in activation_mistake:
            for altered in entry.apply(here):
                yield of_mistake(entry, altered, step.name), (altered.array,)
    elif isinstance(op, Linear):
        at = LinearPlace(op, point.inputs[0], point.inputs[1], cotangent)
        for linear in linear_mistake:
            for altered in linear.apply(at):
                yield of_mistake(linear, altered, step.name), (altered.array, *(None,) * (len(step.inputs) - 1))


def forward_candidates(work: Work, steps: Iterable[int], slot: int) -> Iterator[Candidate]:
    """Mistakes made in the forward pass through `steps`, seen in the value of `slot`."""
    for number in steps:
        step, op = work.chain.plan.steps[number], work.op(number)
        try:
            place = _value_place(work, number, op)
        except EngineError:  # what was handed in for the values before it has none here
            continue
        for mistake in value_mistake:
            for altered in _applied(partial(mistake.apply, place)):
                works = tuple(ways_on(work, number, altered))
                try:
                    predicted = works[0].value(slot)
                except EngineError:
                    continue
                yield Candidate(of_mistake(mistake, altered, step.name), predicted, works)


def ways_on(work: Work, number: int, altered: Altered) -> Iterator[Work]:
    """How the backward pass may go through a step whose value is altered: as through what was done, or as asked."""
    slot, op, point = work.chain.plan.steps[number].output, work.op(number), work.point(number)
    value = altered.array
    if altered.op is not None:
        yield work.with_value(slot, value, altered.op)
    if altered.inputs is not None:
        _, saved = op.forward(work.chain.xp, *altered.inputs)
        yield work.with_value(slot, value, point=Point(altered.inputs, value, saved))
    if len(point.inputs) == 1 and is_activation(op, point.inputs[0], point.output):
        # f'(s) is worked out from s, or by the formula in a = f(s), where there is one.
        yield work.with_value(slot, value, point=Point((value,), value, point.saved))
        yield work.with_value(slot, value, point=point)
    else:
        yield work.with_value(slot, value)


def loss_candidates(work: Work, number: int) -> Iterator[Candidate]:
    """Mistakes in the value of the loss. Each goes on with the derivative that belongs to it, or in the value alone."""
    op = work.op(number)
    if not isinstance(op, Loss):
        return
    place = _loss_place(work, number, op)
    for mistake in loss_mistake:
        for altered in _applied(partial(mistake.apply, place)):
            if altered.array is not None:
                works: tuple[Work, ...] = (work,)
                if altered.derivative is not None:
                    works = (work.with_parts(number, (altered.derivative, None)), work)
                yield Candidate(of_mistake(mistake, altered, "C"), np.asarray(altered.array), works)


def parameter_candidates(work: Work, slot: int) -> Iterator[Candidate]:
    """Mistakes in the gradient of one parameter alone. Where several steps take it, in what one of them contributes."""
    name, whole, takers = work.chain.plan.slots[slot].name, work.cotangent(slot), work.chain.takers[slot]
    for number, position in takers:
        place = _parameter_place(work, number, position)
        if place is None:
            continue
        for mistake in parameter_mistake:
            for altered in mistake.apply(place):
                predicted = np.asarray(altered.array)
                if len(takers) > 1 and predicted.shape == whole.shape:
                    predicted = predicted + (whole - place.right)
                yield Candidate(of_mistake(mistake, altered, name), predicted, (work,))
    if len(takers) > 1 and whole is not None:
        yield from _of_the_sum(work, name, whole)


def _of_the_sum(work: Work, name: str, whole: Array) -> Iterator[Candidate]:
    """Mistakes in a sum of contributions that do not look at the contributions."""
    place = ParameterPlace(work, whole[None], whole, whole.ndim == 1, (), "")
    for mistake in parameter_mistake:
        if mistake.of_sum:
            for altered in mistake.apply(place):
                yield Candidate(of_mistake(mistake, altered, name), np.asarray(altered.array), (work,))


def partial_sums(work: Work, slot: int) -> Iterator[tuple[str, Array]]:
    """The gradient of what several steps take with only one of them counted, or all but one; which, in words."""
    contributions = [(number, found) for number, found in work.contributions(slot) if found is not None]
    if len(contributions) < 2:
        return
    whole = work.cotangent(slot)
    for number, found in contributions:
        name = work.chain.plan.steps[number].name
        yield f"{name} alone", found
        if len(contributions) > 2:
            yield f"all but {name}", whole - found


def _parameter_place(work: Work, number: int, position: int) -> ParameterPlace | None:
    step, part = work.chain.plan.steps[number], work.parts(number)[position]
    if part is None or step.folds[position] is None:
        return None
    return ParameterPlace(
        work,
        part,
        work.contribution(number, position),
        isinstance(step.op, Linear) and position == 2,
        tuple(_other_values(work, step.inputs[0])),
        work.chain.plan.slots[step.inputs[0]].name,
    )


def _loss_place(work: Work, number: int, op: Loss) -> LossPlace:
    step, point = work.chain.plan.steps[number], work.point(number)
    prediction, target = point.inputs
    producer = work.chain.producers.get(step.inputs[0])
    if producer is None:
        return LossPlace(work.chain.xp, op, prediction, target, point.saved.factor, None)
    parameters = work.point(producer).inputs[1:]
    return LossPlace(work.chain.xp, op, prediction, target, point.saved.factor, work.op(producer), parameters)


def _value_place(work: Work, number: int, op: Op) -> ValuePlace:
    step, point = work.chain.plan.steps[number], work.point(number)
    first = step.inputs[0]
    others = tuple(
        (name, value)
        for name, value in _other_values(work, first)
        if value.shape == point.inputs[0].shape and work.chain.plan.index[name] < step.output
    )
    return ValuePlace(work.chain.xp, op, point.inputs, point.output, others, work.chain.plan.slots[first].name)


def _other_values(work: Work, right: int) -> Iterator[tuple[str, Array]]:
    """Values of one axis an example, other than `right`, by name: those that are defined."""
    plan = work.chain.plan
    for slot, held in enumerate(plan.slots):
        if slot not in (right, plan.targets) and held.batched and len(held.shape) == 1:
            try:
                value = work.value(slot)
            except EngineError:
                continue
            yield held.name, value


def _applied(alter: Callable[[], Iterator[Any]]) -> Iterator[Any]:
    """What a mistake makes of its place, as far as that is in the domain of every function."""
    try:
        yield from alter()
    except EngineError:
        return
