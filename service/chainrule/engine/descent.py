"""Training, step by step, in five stages: forward, loss, clear the gradients, backward, update."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from chainrule.engine.backends import Array, Namespace
from chainrule.engine.backward import Cotangent, Fused, Program, pull_back
from chainrule.engine.fused import fuse
from chainrule.engine.optimizers import Memory, Optimizer
from chainrule.engine.plan import Plan
from chainrule.engine.trace import Trace, never, run_forward


@dataclass(frozen=True, slots=True)
class Descent:
    """What follows its gradient, and how.

    program: from what is descended back to the leaves that move, `program.keeps`. upstream: a cotangent of the output
    in place of a loss; then Σ upstream · output is descended. clear: whether the gradients of the step before are
    forgotten; where they are not, each step's are added to them.
    """

    plan: Plan
    xp: Namespace
    program: Program
    optimizer: Optimizer
    upstream: Array | None = None
    clear: bool = True


@dataclass(frozen=True, slots=True)
class Stages:
    """One step, all its arrays by slot. `number` counts from 1."""

    number: int
    trace: Trace
    """Of the forward pass."""
    fused: Fused | None
    loss: Array
    """What is descended: a number."""
    cleared: Mapping[int, Array]
    """The gradients as the backward pass finds them: zero, or the sum of all before."""
    gradients: Mapping[int, Array]
    """What the backward pass of this step brings."""
    buffers: Mapping[int, Array]
    """The sum of the two, which the update goes by."""
    memory: Mapping[int, Memory]
    """What the optimizer remembers after the update."""
    values: Mapping[int, Array]
    """After the update."""


def descend(
    descent: Descent, leaves: Mapping[str, Array], steps: int, cancelled: Callable[[], bool] = never
) -> Iterator[Stages]:
    """The steps, one after another. `leaves`: every input, parameter and the targets, by name, as they are at first.

    Raises DomainError with the node's name, and Cancelled.
    """
    plan, xp = descent.plan, descent.xp
    names = {slot: plan.slots[slot].name for slot in descent.program.keeps}
    held = {**leaves}
    buffers: Mapping[int, Array] | None = None
    memory: dict[int, Memory] = {slot: {} for slot in names}
    zeros = {slot: xp.zeros(plan.full_shape(slot)) for slot in names}
    for number in range(1, steps + 1):
        trace = run_forward(plan, xp, held, cancelled)
        loss = objective(descent, trace)
        cleared = zeros if descent.clear or buffers is None else buffers
        gradients, fused = _backward(descent, trace, zeros, cancelled)
        buffers = {slot: cleared[slot] + gradients[slot] for slot in names}
        values, remembered = {}, {}
        for slot, name in names.items():
            values[slot], remembered[slot] = descent.optimizer.update(
                xp, held[name], buffers[slot], memory[slot], number
            )
        yield Stages(number, trace, fused, loss, cleared, gradients, buffers, remembered, values)
        memory = dict(remembered)
        held |= {name: values[slot] for slot, name in names.items()}


def objective(descent: Descent, trace: Trace) -> Array:
    """What is descended, at a trace: the loss, or Σ upstream · output."""
    if descent.upstream is None:
        return trace.values[descent.program.of]
    return trace.xp.sum_all(descent.upstream * trace.values[trace.plan.output])


def _backward(
    descent: Descent, trace: Trace, zeros: Mapping[int, Array], cancelled: Callable[[], bool]
) -> tuple[dict[int, Array], Fused | None]:
    fused = fuse(trace) if descent.upstream is None else None
    seed: Cotangent = 1.0 if descent.upstream is None else descent.upstream
    found = pull_back(trace, descent.program, seed, fused=fused, cancelled=cancelled)
    return {slot: found.get(slot, zero) for slot, zero in zeros.items()}, fused
