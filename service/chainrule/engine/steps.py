"""The chain, link by link: what reaches each node, its own derivative, and what it passes on."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.engine.backends import Array
from chainrule.engine.backward import Cotangent, Program, pull_back
from chainrule.engine.jacobian import examples_first
from chainrule.engine.structure import Dense, Diagonal, Jacobian, Outer, OuterJacobian
from chainrule.engine.trace import Trace


@dataclass(frozen=True, slots=True)
class Link:
    """One step of the backward pass. `local` and `contributes` are by the op's names for its inputs."""

    node: str
    op: str
    inputs: dict[str, str]
    """The op's name for each input, and the value that it is."""
    cotangent: Array
    local: dict[str, Jacobian]
    contributes: dict[str, Array]


def links(trace: Trace, program: Program, cotangents: dict[int, Cotangent]) -> list[Link]:
    """A link for each step of `program`, in the order of the backward pass.

    `cotangents`: by slot, those of the steps' outputs, as `pull_back` returns them.
    """
    found = []
    for number, step, wanted in program.steps:
        cotangent = cotangents.get(step.output)
        if cotangent is None:
            continue
        names = [trace.plan.slots[i].name for i in step.inputs]
        local, contributes = {}, {}
        for position, operand in enumerate(step.operands):
            if not wanted[position]:
                continue
            one = tuple(i == position for i in range(len(wanted)))
            alone = Program(step.output, ((number, step, one),), (step.inputs[position],))
            local[operand] = _local(trace, alone)
            passed = pull_back(trace, alone, cotangent).get(step.inputs[position])
            if passed is not None:
                contributes[operand] = passed
        found.append(
            Link(step.name, step.op.name, dict(zip(step.operands, names, strict=True)), cotangent, local, contributes)
        )
    return found


def _local(trace: Trace, alone: Program) -> Jacobian:
    """The Jacobian of one op with respect to one input, (N, *of, *wrt).

    It has no N where it is the same for every example, as ∂s/∂x = W of a linear layer is.
    """
    plan, xp = trace.plan, trace.xp
    target, source = plan.slots[alone.of], plan.slots[alone.keeps[0]]
    lead = (1,) if target.batched else ()
    seed = Diagonal(xp.ones((*lead, *target.shape)))
    found = pull_back(trace, alone, seed, keep_batch=target.batched)[alone.keeps[0]]
    if isinstance(found, Diagonal):
        return found
    if isinstance(found, Outer) and not found.tokens and not found.transposed:
        left = examples_first(xp, found.left, found.left.shape[1])
        return OuterJacobian(left.reshape((left.shape[0], *target.shape, left.shape[-1])), found.right)
    value: Array = found.each() if isinstance(found, Outer) else found
    if not target.batched:
        return Dense(xp.contiguous(value.reshape((*target.shape, *plan.full_shape(alone.keeps[0])))))
    value = examples_first(xp, value, value.shape[1])
    value = value.reshape((value.shape[0], *target.shape, *source.shape))
    return Dense(value[0] if value.shape[0] == 1 and plan.batch > 1 else value)
