"""Jacobians between any two values of a trace, with the structure they have.

An identity is pulled back from `of`, or pushed forward from `wrt` where that has fewer components. Structure is kept as
long as the chain allows and made dense only at the end, the small factor transposed before the outer product is formed,
so that the result lies contiguous as (N, *of, *wrt).
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from chainrule.engine.backends import Array, Namespace, Shape
from chainrule.engine.backward import Fused, Program, backward_program, pull_back
from chainrule.engine.forward_mode import push_forward
from chainrule.engine.plan import Plan
from chainrule.engine.structure import Dense, Diagonal, Jacobian, Outer, OuterJacobian
from chainrule.engine.trace import Trace, never


def jacobian(
    trace: Trace, of: int, wrt: int, *, fused: Fused | None = None, cancelled: Callable[[], bool] = never
) -> Jacobian:
    """∂of/∂wrt by slots, per example: (N, *of, *wrt), without N where neither has a batch axis.

    For a loss with respect to a batched value it is (N, *wrt): each example's share of the dependence. Where `of` does
    not depend on `wrt` it is zero.
    """
    if pushes(trace.plan, of, wrt):
        pushed = _pushed(trace, of, wrt, cancelled)
        if pushed is not None:
            return pushed
    program = backward_program(trace.plan, of, (wrt,))
    return pulled(trace, program, fused=fused if of == trace.plan.loss else None, cancelled=cancelled)


def pushes(plan: Plan, of: int, wrt: int) -> bool:
    """Whether fewer tangents than cotangents are needed: `wrt` has fewer components than `of`."""
    source, target = plan.slots[wrt], plan.slots[of]
    if target.batched != source.batched and not target.batched:
        return False
    return prod(source.shape) < prod(target.shape)


def jacobian_shape(plan: Plan, of: int, wrt: int) -> Shape:
    """The shape of ∂of/∂wrt in torch layout, without computing it."""
    target, source = plan.slots[of], plan.slots[wrt]
    lead = (plan.batch,) if target.batched or source.batched else ()
    return (*lead, *target.shape, *source.shape)


def pulled(
    trace: Trace,
    program: Program,
    *,
    shared: bool = False,
    fused: Fused | None = None,
    cancelled: Callable[[], bool] = never,
) -> Jacobian:
    """The Jacobian of what `program` starts from with respect to the one slot it keeps, by pulling back an identity.

    With `shared`, a dense one that is the same for every example, as ∂s/∂x = W is, comes without the batch axis.
    """
    plan, xp, (wrt,) = trace.plan, trace.xp, program.keeps
    target, source = plan.slots[program.of], plan.slots[wrt]
    lead = (1,) if target.batched else ()
    seed = Diagonal(xp.ones((*lead, *target.shape)))
    found = pull_back(trace, program, seed, keep_batch=target.batched, fused=fused, cancelled=cancelled).get(wrt)
    full = jacobian_shape(plan, program.of, wrt)
    if found is None:
        return Dense(xp.zeros(full))
    if isinstance(found, Diagonal):
        return Diagonal(xp.contiguous(xp.broadcast_to(found.diagonal, (*full[: len(lead)], *source.shape))))
    if isinstance(found, Outer) and not found.tokens and not found.transposed:
        left = _examples_first(xp, found.left, plan.batch).reshape((plan.batch, *target.shape, found.left.shape[-1]))
        return OuterJacobian(left, found.right)
    value: Array = found.each() if isinstance(found, Outer) else found
    if not target.batched:
        return Dense(xp.contiguous(value.reshape(full)))
    if shared and value.shape[1] == 1 < plan.batch:
        return Dense(xp.contiguous(value.reshape(full[1:])))
    return Dense(_examples_first(xp, value, plan.batch).reshape(full))


def _examples_first(xp: Namespace, value: Array, batch: int) -> Array:
    """(V, N, …) to (N, V, …), contiguous; an N of 1 where the examples agree is filled out."""
    moved = xp.moveaxis(value, 0, 1)
    return xp.contiguous(xp.broadcast_to(moved, (batch, *moved.shape[1:])))


def _pushed(trace: Trace, of: int, wrt: int, cancelled: Callable[[], bool]) -> Jacobian | None:
    plan, xp = trace.plan, trace.xp
    target, source = plan.slots[of], plan.slots[wrt]
    size = prod(source.shape)
    lead = (1,) if target.batched else ()
    tangents = xp.eye(size).reshape((size, *lead, *source.shape))
    pushed = push_forward(trace, {wrt: tangents}, of, cancelled=cancelled)
    if pushed is None:
        return None
    full = jacobian_shape(plan, of, wrt)
    flat = xp.moveaxis(pushed, 0, pushed.ndim - 1)
    value = flat.reshape((*flat.shape[:-1], *source.shape))
    return Dense(xp.contiguous(xp.broadcast_to(value, full)))


def dense(xp: Namespace, found: Jacobian, full: Shape, of_rank: int) -> Array:
    """A Jacobian of any structure in full, as `full` = jacobian_shape(…); `of_rank`: of one example of `of`."""
    if isinstance(found, Diagonal):
        shape = full[len(full) - of_rank :] if of_rank else ()
        rows = found.seeds(xp, shape)
        if len(full) > 2 * of_rank:
            rows = xp.moveaxis(rows, 0, 1)
        return xp.contiguous(rows.reshape(full))
    return found.dense() if isinstance(found, OuterJacobian) else found.value
