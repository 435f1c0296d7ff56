"""The stretch of the backward pass between the last gradients that are known and the one that is looked at."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any, Self

from chainrule.engine.plan import Plan
from chainrule.engine.structure import Outer
from chainrule.grading.work import Chain, Work


@dataclass(frozen=True, slots=True)
class Stretch:
    """The steps passed through, the nearest to the loss first."""

    slot: int
    """Whose gradient is looked at."""
    steps: tuple[int, ...]
    """Of a parameter's gradient without the step that takes the parameter."""
    anchor: int
    """The slot whose cotangent a constant on the way scales: of a parameter, the output of the one step taking it."""
    of_node: bool
    """Whether it is the gradient of a node or an input, which is passed on."""
    narrows: tuple[int, ...]
    """The steps that every way passes through."""

    @classmethod
    def back_from(cls, chain: Chain, slot: int, confirmed: Set[int], without: Set[int] = frozenset()) -> Self:
        """The stretch that ends at `slot`, given the slots whose cotangents are known. `without`: ways back that do not
        count, by the steps that take the slot."""
        plan, takers = chain.plan, [taker for taker in chain.takers[slot] if taker[0] not in without]
        of_node = plan.slots[slot].batched or slot in chain.producers
        numbers = {number for number, _ in takers}
        found, waiting = set[int](), list(numbers)
        while waiting:
            number = waiting.pop()
            if number not in found and plan.steps[number].output in chain.before[chain.of]:
                found.add(number)
                output = plan.steps[number].output
                waiting += [] if output in confirmed else [taker for taker, _ in chain.takers[output]]
        steps = sorted(found if of_node else found - numbers, reverse=True)
        anchor = slot if of_node or len(takers) != 1 else plan.steps[takers[0][0]].output
        narrows = tuple(number for number in steps if not _leads(chain, slot, confirmed, without={*without, number}))
        return cls(slot, tuple(steps), anchor, of_node, narrows)

    def places(self, plan: Plan) -> dict[str, int]:
        """Where one constant may have scaled the whole gradient, with the step's number: the loss, and every op that
        does something, if any does, and that every way passes through."""
        steps = {number: plan.steps[number] for number in self.narrows}
        acting = {number: step for number, step in steps.items() if step.op.name != "identity"} or steps
        return {"C" if step.op.family == "loss" else step.name: number for number, step in acting.items()}

    def scaled(self, work: Work, constant: float, number: int | None = None) -> Work:
        """The work with a constant too much in what a step passes on, or in the cotangent of `anchor`."""
        if number is None:
            return work.with_cotangent(self.anchor, constant * work.cotangent(self.anchor))
        parts: tuple[Any, ...] = work.parts(number)
        return work.with_parts(number, tuple([constant * part if _is_array(part) else None for part in parts]))


def _leads(chain: Chain, slot: int, confirmed: Set[int], without: Set[int]) -> bool:
    """Whether there is a way from a known cotangent, or from what is differentiated, to `slot` without those steps."""
    waiting, seen = [slot], {slot}
    while waiting:
        for number, _ in chain.takers[waiting.pop()]:
            output = chain.plan.steps[number].output
            if number in without or output in seen or output not in chain.before[chain.of]:
                continue
            if output == chain.of or output in confirmed:
                return True
            seen.add(output)
            waiting.append(output)
    return False


def _is_array(part: object) -> bool:
    return part is not None and type(part) is not Outer
