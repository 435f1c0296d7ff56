"""The backward pass: a cotangent pulled back along the trace, step by step.

`∂C/∂x = Σ over the ways out of x of ∂C/∂y · ∂y/∂x`. A local table of cotangents is all the state there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chainrule.engine.backends import Array, Namespace
from chainrule.engine.op import Elementwise, Point, Wanted
from chainrule.engine.plan import Plan, Step, reachable
from chainrule.engine.structure import Diagonal, Outer
from chainrule.engine.trace import Cancelled, Trace, never

Cotangent = Array | Diagonal | Outer


@dataclass(frozen=True, slots=True)
class Program:
    """Which steps to walk, last first, and which inputs of each are wanted: only what lies on a way is touched."""

    of: int
    steps: tuple[tuple[int, Step, Wanted], ...]
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
            (number, step, tuple(i in on_way for i in step.inputs))
            for number, step in reversed(tuple(enumerate(plan.steps)))
            if step.output in on_way and any(i in on_way for i in step.inputs)
        )
        program = plan.programs[key] = Program(of, steps, keeps)
    return program


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
    xp, slots = trace.xp, trace.plan.slots
    cotangents: list[Cotangent] = [None] * len(slots)
    cotangents[program.of] = seed
    for number, step, wanted in program.steps:
        if cancelled():
            raise Cancelled
        cotangent = cotangents[step.output]
        if cotangent is None:
            continue
        point = trace.points[number]
        if fused is not None and fused.number == number:
            parts: tuple[Cotangent, ...] = (fused.cotangent,)
        else:
            parts = _contributions(xp, step, cotangent, point, wanted, slots[step.output].shape)
        for position, slot in enumerate(step.inputs):
            part, fold, held = parts[position], step.folds[position], cotangents[slot]
            if part is None:
                continue
            if fold is not None and not keep_batch:
                part = part.sum(xp) if type(part) is Outer else xp.sum_leading(part, fold)
            elif type(part) is Outer and (fold is None or held is not None):
                part = part.each()
            cotangents[slot] = part if held is None else _add(xp, held, part, slots[slot].shape)
    return {slot: found for slot in program.keeps if (found := cotangents[slot]) is not None}


def _contributions(
    xp: Namespace, step: Step, cotangent: Cotangent, point: Point, wanted: Wanted, shape: tuple[int, ...]
) -> tuple[Cotangent, ...]:
    if type(cotangent) is Outer:
        cotangent = cotangent.each()
    if type(cotangent) is not Diagonal:
        return step.op.vjp(xp, cotangent, point, wanted)
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
