"""Jacobians of a work that is altered in places: an identity pulled back through its steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

import numpy as np

from chainrule.engine.jacobian import jacobian_shape
from chainrule.engine.ops.linear import Linear
from chainrule.engine.ops.rectifiers import Identity
from chainrule.grading.arrays import Array
from chainrule.grading.candidates import Candidate, backward_candidates
from chainrule.grading.findings import Finding, named
from chainrule.grading.quantities import Quantity
from chainrule.grading.work import Chain, Parts, Work


def jacobian_of(work: Work, quantity: Quantity) -> Array:
    """∂of/∂wrt of the work's values: (N, *of, *wrt), without N where neither has a batch axis."""
    return _arranged(work, quantity, seeded(work, quantity.of).cotangent(quantity.slot))


def jacobian_candidates(work: Work, quantity: Quantity, right: Array) -> Iterator[Candidate]:
    """Mistakes in a product of local Jacobians: one factor altered, the order reversed, the whole transposed."""
    pulled = seeded(work, quantity.of)
    plan = work.chain.plan
    steps = [
        number
        for number in range(len(plan.steps) - 1, -1, -1)
        if plan.steps[number].output in pulled.chain.before[quantity.of]
        and quantity.slot in pulled.chain.before[plan.steps[number].output]
    ]
    for found in backward_candidates(pulled, steps, quantity.slot):
        finding = found.finding
        if finding.code == "weight_not_transposed":
            message = f"the factor of {finding.at} is its weight transposed"
            finding = replace(finding, code="weight_transposed", message=message, hint="∂(W x)/∂x = W.")
        yield Candidate(finding, _arranged(work, quantity, found.predicted), (work,))
    of, wrt = plan.slots[quantity.of].shape, plan.slots[quantity.slot].shape
    if len(of) == len(wrt) == 1:
        message = f"∂{plan.slots[quantity.of].name}/∂{plan.slots[quantity.slot].name} is transposed"
        hint = "The layout asked for says which axis comes first."
        yield Candidate(Finding("transposed", plan.slots[quantity.of].name, message, hint), right.mT, (work,))
    yield from _reversed(work, quantity, steps)


def _reversed(work: Work, quantity: Quantity, steps: list[int]) -> Iterator[Candidate]:
    ops = [work.op(number) for number in steps]
    weights = [work.point(number).inputs[1] for number, op in zip(steps, ops, strict=True) if isinstance(op, Linear)]
    if len(weights) < 2 or not all(isinstance(op, Linear | Identity) for op in ops):
        return
    if len({length for weight in weights for length in weight.shape}) > 1:
        return
    product = weights[-1]
    for weight in reversed(weights[:-1]):
        product = product @ weight
    finding = named("order_reversed", work.chain.plan.slots[quantity.of].name)
    yield Candidate(finding, np.broadcast_to(product, (work.chain.plan.batch, *product.shape)), (work,))


def seeded(work: Work, of: int) -> Work:
    """The same values, with an identity as the cotangent of `of`."""
    plan = work.chain.plan
    target = plan.slots[of]
    chain = Chain(plan, work.chain.xp, of, keep_batch=target.batched)
    size = prod(target.shape)
    lead = (1,) if target.batched else ()
    seed = np.eye(size).reshape((size, *lead, *target.shape))
    given = work.given if of == plan.loss else {}
    parts: dict[int, Parts] = {
        number: tuple([np.asarray(part)[None] for part in passed]) for number, passed in given.items()
    }  # V is 1 here
    return Work.of_values(chain, work, seed, parts)


def _arranged(work: Work, quantity: Quantity, found: Array | None) -> Array:
    """(V, N, *wrt) as (N, *of, *wrt)."""
    plan = work.chain.plan
    target, source = plan.slots[quantity.of], plan.slots[quantity.slot]
    full = jacobian_shape(plan, quantity.of, quantity.slot)
    if found is None:
        return np.zeros(full)
    if not (target.batched or source.batched):
        return found.reshape(full)
    if not target.batched:
        found = np.broadcast_to(found, (prod(target.shape), plan.batch, *source.shape))
    moved = np.moveaxis(found, 0, 1)
    return np.ascontiguousarray(np.broadcast_to(moved, (plan.batch, *moved.shape[1:]))).reshape(full)
