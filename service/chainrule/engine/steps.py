"""The chain, link by link: what reaches each node, its own derivative, and what it passes on."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.engine.backends import Array
from chainrule.engine.backward import Cotangent, Fused, Program, pull_back, visit
from chainrule.engine.jacobian import pulled
from chainrule.engine.structure import Jacobian
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


def links(trace: Trace, program: Program, cotangents: dict[int, Cotangent], fused: Fused | None = None) -> list[Link]:
    """A link for each step of `program`, in the order of the backward pass.

    `cotangents`: by slot, those of the steps' outputs, as `pull_back` with `fused` returns them.
    """
    found = []
    for number, step, wanted, _ in program.steps:
        cotangent = cotangents.get(step.output)
        if cotangent is None:
            continue
        names = [trace.plan.slots[i].name for i in step.inputs]
        local, contributes = {}, {}
        for position, operand in enumerate(step.operands):
            if not wanted[position]:
                continue
            one = tuple(i == position for i in range(len(wanted)))
            alone = Program(step.output, (visit(number, step, one),), (step.inputs[position],))
            local[operand] = pulled(trace, alone, shared=True)
            passed = pull_back(trace, alone, cotangent, fused=fused).get(step.inputs[position])
            if passed is not None:
                contributes[operand] = passed
        found.append(
            Link(step.name, step.op.name, dict(zip(step.operands, names, strict=True)), cotangent, local, contributes)
        )
    return found
