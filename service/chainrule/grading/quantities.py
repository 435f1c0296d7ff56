"""What an answer is about: a value, the loss, a gradient or a Jacobian, and the order in which the chain gives them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from chainrule.engine.graph import OUTPUT
from chainrule.engine.near_names import nearest
from chainrule.engine.plan import Plan

Kind = Literal["value", "loss", "gradient", "jacobian"]


class UnknownQuantity(ValueError):
    """An answer to something that the problem does not have. `quantity` is its name."""

    def __init__(self, quantity: str, message: str) -> None:
        super().__init__(message)
        self.quantity = quantity


@dataclass(frozen=True, slots=True)
class Quantity:
    """One of the answers' names, resolved. `of` is what is differentiated, where something is."""

    name: str
    kind: Kind
    slot: int
    of: int = -1


def resolve(plan: Plan, name: str, *, differentiates: bool) -> Quantity:
    """The quantity of that name: `outputs`, `loss`, `values.s1`, `gradients.W1`, `jacobians.y_hat/x`.

    `differentiates`: whether the problem has a loss, or an upstream in its place. Raises UnknownQuantity.
    """
    kind, _, rest = name.partition(".")
    if name == "outputs":
        return Quantity(name, "value", plan.output)
    if name == "loss":
        if plan.loss is None:
            raise UnknownQuantity(name, "there is no loss here, so no answer to it can be marked")
        return Quantity(name, "loss", plan.loss, plan.loss)
    if kind == "values":
        return Quantity(name, "value", _computed(plan, name, _slot(plan, name, rest)))
    if kind == "gradients":
        if not differentiates:
            raise UnknownQuantity(name, "a gradient wants a loss with targets, or an upstream")
        slot = _slot(plan, name, rest)
        if slot == plan.loss:
            raise UnknownQuantity(name, "∂C/∂C is 1: there is nothing to answer")
        return Quantity(name, "gradient", slot, plan.loss if plan.loss is not None else plan.output)
    if kind == "jacobians" and rest.count("/") == 1:
        of, wrt = rest.split("/")
        return Quantity(name, "jacobian", _slot(plan, name, wrt), _slot(plan, name, of))
    raise UnknownQuantity(name, "write outputs, loss, values.<node>, gradients.<name> or jacobians.<of>/<wrt>")


def in_order(plan: Plan, quantities: Iterable[Quantity]) -> list[Quantity]:
    """The quantities in the order of the chain: values, the loss, gradients from the loss back, Jacobians."""
    return sorted(quantities, key=lambda quantity: _moment(plan, quantity))


def _moment(plan: Plan, quantity: Quantity) -> tuple[int, int, int]:
    slot = quantity.slot
    if quantity.kind == "value":
        return 0, slot, int(quantity.name == "outputs")
    if quantity.kind == "loss":
        return 1, 0, 0
    # A gradient is there when the earliest step that takes the value has passed its part on.
    takers = [number for number, step in enumerate(plan.steps) if slot in step.inputs]
    position = plan.steps[takers[0]].inputs.index(slot) if takers else 0
    operand = plan.slots[slot].batched
    return 3 if quantity.kind == "jacobian" else 2, -takers[0] if takers else -len(plan.steps), position + 100 * operand


def _computed(plan: Plan, quantity: str, slot: int) -> int:
    """The slot, where its value is an answer at all. Points for what stands in the question are points for copying."""
    if slot == plan.loss:
        raise UnknownQuantity(quantity, "C is the loss: answer it as loss")
    if plan.producer(slot) is None:
        raise UnknownQuantity(quantity, f"{plan.slots[slot].name} is given: there is nothing to answer")
    return slot


def _slot(plan: Plan, quantity: str, name: str) -> int:
    slot = plan.find(name)
    if slot is None or slot == plan.targets:
        names = [held.name for number, held in enumerate(plan.slots) if number not in (plan.targets, plan.loss)]
        raise UnknownQuantity(quantity, f"there is no {name[:100]!r} here; {nearest(name[:100], [*names, OUTPUT])}")
    return slot
