"""The stretch of the backward pass between the last gradients that are known and the one that is looked at."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Self

from chainrule.engine.plan import Plan
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

    @classmethod
    def back_from(cls, chain: Chain, slot: int, confirmed: Set[int]) -> Self:
        """The stretch that ends at `slot`, given the slots whose cotangents are known."""
        plan, takers = chain.plan, chain.takers[slot]
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
        return cls(slot, tuple(steps), anchor, of_node)

    def places(self, plan: Plan) -> list[str]:
        """Where a constant may have come in: the loss, and every op that does something, if any does."""
        steps = [plan.steps[number] for number in self.steps]
        steps = [step for step in steps if step.op.name != "identity"] or steps
        return list(dict.fromkeys("C" if step.op.family == "loss" else step.name for step in steps))

    def scaled(self, work: Work, constant: float) -> Work:
        """The work with a constant too much on the way."""
        return work.with_cotangent(self.anchor, constant * work.cotangent(self.anchor))
