"""The chain, link by link: what reaches each node, its own derivative, and what it passes on."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.engine.backends import Array
from chainrule.engine.backward import Cotangent, Fused, Program, alone, pull_back
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
        local, contributes = {}, {}
        for position, operand in enumerate(step.operands):
            if not wanted[position]:
                continue
            program_of_one = alone(number, step, position)
            local[operand] = pulled(trace, program_of_one, shared=True)
            passed = pull_back(trace, program_of_one, cotangent, fused=fused).get(step.inputs[position])
            if passed is not None:
                contributes[operand] = passed
        found.append(Link(step.name, step.op.name, trace.plan.taken(step), cotangent, local, contributes))
    return found
