"""The backward pass: a cotangent pulled back along the trace, step by step.

`∂C/∂x = Σ over the ways out of x of ∂C/∂y · ∂y/∂x`. A local table of cotangents is all the state there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from chainrule.engine.backends import Array, Namespace
from chainrule.engine.op import Elementwise, Point, Wanted
from chainrule.engine.plan import Plan, Step, reachable
from chainrule.engine.structure import Diagonal, Outer
from chainrule.engine.trace import Cancelled, Trace, never

Cotangent = Array | Diagonal | Outer


class Visit(NamedTuple):
    """A step on the way back: its number among the plan's, and which of its inputs are wanted."""

    number: int
    step: Step
    wanted: Wanted
    into: tuple[tuple[int, int, int | None], ...]
    """For each wanted input: its position, its slot, and the axis that is summed (see `Step.folds`)."""


def visit(number: int, step: Step, wanted: Wanted) -> Visit:
    """A visit, with what `wanted` leaves of the step's inputs."""
    into = zip(range(len(wanted)), step.inputs, step.folds, strict=True)
    return Visit(number, step, wanted, tuple(each for each in into if wanted[each[0]]))


@dataclass(frozen=True, slots=True)
class Program:
    """Which steps to walk, last first: only what lies on a way is touched."""

    of: int
    steps: tuple[Visit, ...]
    keeps: tuple[int, ...]
    """The slots whose cotangents are the answer."""


@dataclass(frozen=True, slots=True)
class Fused:
    """The cotangent that a step with one input passes on, worked out together with the step after it."""

    number: int
    """The step's, among the plan's."""
    cotangent: Array


def backward_program(plan: Plan, of: int, wrt: Iterable[int]) -> Program:
    """The program from slot `of` back to the slots `wrt`, worked out once for a plan."""
    keeps = tuple(dict.fromkeys(wrt))
    key = (of, keeps)
    program = plan.programs.get(key)
    if program is None:
        on_way = reachable(plan, of, keeps)
        steps = tuple(
            visit(number, step, tuple(i in on_way for i in step.inputs))
            for number, step in reversed(tuple(enumerate(plan.steps)))
            if step.output in on_way and any(i in on_way for i in step.inputs)
        )
        program = plan.programs[key] = Program(of, steps, keeps)
    return program


def alone(number: int, step: Step, position: int) -> Program:
    """The program from a step's output back to one of its inputs."""
    wanted = tuple(each == position for each in range(len(step.inputs)))
    return Program(step.output, (visit(number, step, wanted),), (step.inputs[position],))


def pull_back(
    trace: Trace,
    program: Program,
    seed: Cotangent,
    *,
    keep_batch: bool = False,
    fused: Fused | None = None,
    cancelled: Callable[[], bool] = never,
) -> dict[int, Cotangent]:
    """Cotangents by slot, for those of `program.keeps` that `of` depends on.

    `seed` is the cotangent of `of`, which may have leading axes V of its own. A value without a batch axis (a
    parameter) gets the sum of the examples' contributions; with `keep_batch` the contributions themselves,
    (…, N, *shape), an Outer where it is one. `fused` is what one step contributes, in place of its own rule's product.
    """
    plan, xp, _, points = trace
    slots = plan.slots
    cotangents: list[Cotangent] = [None] * len(slots)
    cotangents[program.of] = seed
    for number, step, wanted, into in program.steps:
        if cancelled():
            raise Cancelled
        cotangent = cotangents[step.output]
        if cotangent is None:
            continue
        if fused is not None and fused.number == number:
            parts: tuple[Cotangent, ...] = (fused.cotangent,)
        elif type(cotangent) is Diagonal:
            parts = _through_diagonal(xp, step, cotangent, points[number], wanted, slots[step.output].shape)
        else:
            array = cotangent.each() if type(cotangent) is Outer else cotangent
            parts = step.op.vjp(xp, array, points[number], wanted)
        for position, slot, fold in into:
            part = parts[position]
            if part is None:
                continue
            held = cotangents[slot]
            if fold is not None and not keep_batch:
                part = part.sum(xp) if type(part) is Outer else xp.sum_leading(part, fold)
            elif type(part) is Outer and (fold is None or held is not None):
                part = part.each()
            cotangents[slot] = part if held is None else _add(xp, held, part, slots[slot].shape)
    return {slot: found for slot in program.keeps if (found := cotangents[slot]) is not None}


def _through_diagonal(
    xp: Namespace, step: Step, cotangent: Diagonal, point: Point, wanted: Wanted, shape: tuple[int, ...]
) -> tuple[Cotangent, ...]:
    kept = _keeps_diagonal(xp, step, point, len(wanted))
    dense = tuple(want and not keeps for want, keeps in zip(wanted, kept, strict=True))
    parts: list[Cotangent] = [None] * len(wanted)
    if any(dense):
        parts = list(step.op.vjp(xp, cotangent.seeds(xp, shape), point, dense))
    diagonal = tuple(want and keeps for want, keeps in zip(wanted, kept, strict=True))
    if any(diagonal):
        # The rule, not a product with the op's own diagonal: it knows what to do with an infinite entry.
        through = step.op.vjp(xp, cotangent.diagonal, point, diagonal)
        parts = [Diagonal(through[i]) if keeps else parts[i] for i, keeps in enumerate(diagonal)]
    return tuple(parts)


def _keeps_diagonal(xp: Namespace, step: Step, point: Point, count: int) -> tuple[bool, ...]:
    """Of each input, whether a diagonal pulled back to it stays one."""
    if isinstance(step.op, Elementwise):
        return (True,)
    return tuple(diagonal is not None for diagonal in step.op.diagonals(xp, point) or (None,) * count)


def _add(xp: Namespace, held: Cotangent, part: Cotangent, shape: tuple[int, ...]) -> Cotangent:
    if type(held) is Diagonal and type(part) is Diagonal:
        return Diagonal(held.diagonal + part.diagonal)
    return _array(xp, held, shape) + _array(xp, part, shape)


def _array(xp: Namespace, cotangent: Cotangent, shape: tuple[int, ...]) -> Array:
    if type(cotangent) is Diagonal:
        return cotangent.seeds(xp, shape)
    return cotangent.each() if type(cotangent) is Outer else cotangent
