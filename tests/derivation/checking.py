"""A chain, evaluated as it is printed, beside what the engine computes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.derivation.chain import Chains, Gradient
from chainrule.derivation.expressions import Env
from chainrule.derivation.subject import Subject
from chainrule.engine import layouts
from chainrule.engine.backward import backward_program, pull_back
from chainrule.engine.graph import TARGETS
from chainrule.engine.jacobian import dense, jacobian, jacobian_shape
from chainrule.engine.plan import reachable
from chainrule.engine.structure import Outer
from chainrule.engine.trace import Trace
from derivation.evaluating import assert_near, environments

LAYOUTS = ("torch", "numerator", "denominator")


def check(trace: Trace, of: int, names: list[str], layout: str) -> Chains:
    """Each gradient is the engine's, and every factor has the shape that is stated. Returns the chains."""
    subject = Subject(trace.plan)
    chains, envs = Chains(subject, of, layout), environments(trace)  # type: ignore[arg-type]
    for name in names:
        gradient = chains.gradient(trace.plan.index[name])
        wanted = engines(trace, of, gradient.slot, layout)
        found = [gradient.value(env) for env in (envs if gradient.by_example else envs[:1])]
        assert_near(np.stack(found) if gradient.by_example else found[0], wanted)
        check_shapes(gradient, envs)
    for gradient in chains.through.values():
        check_shapes(gradient, envs)
    return chains


def check_shapes(gradient: Gradient, envs: list[Env]) -> None:
    for term in gradient.terms:
        assert term.part.shape == gradient.shape
        for factor in term.part.factors():
            assert np.shape(factor.value(envs[0])) == factor.shape
            assert factor.latex()


def engines(trace: Trace, of: int, slot: int, layout: str) -> NDArray[Any]:
    """∂of/∂slot as the engine has it, laid out."""
    plan, xp = trace.plan, trace.xp
    target, source = plan.slots[of], plan.slots[slot]
    if target.shape == () and not target.batched:
        found = pull_back(trace, backward_program(plan, of, (slot,)), np.ones(())).get(slot)
        value = np.zeros(plan.full_shape(slot)) if found is None else found
        value = value.each() if isinstance(value, Outer) else value
        return np.asarray(layouts.gradient(xp, np.asarray(value), source.shape, layout))  # type: ignore[arg-type]
    full = jacobian_shape(plan, of, slot)
    value = dense(xp, jacobian(trace, of, slot), full, len(target.shape))
    return np.asarray(layouts.jacobian(xp, value, target.shape, source.shape, layout))  # type: ignore[arg-type]


def on_the_way(trace: Trace, of: int) -> list[str]:
    """The names of all that matters to a value, the targets left out."""
    slots = trace.plan.slots
    names = [slots[i].name for i in sorted(reachable(trace.plan, of, range(len(slots))))]
    return [name for name in names if name != TARGETS or trace.plan.loss is None]


def fits(trace: Trace, of: int, layout: str) -> bool:
    """Whether a layout can write all that lies on the way."""
    index, slots = trace.plan.index, trace.plan.slots
    return layout == "torch" or all(len(slots[index[name]].shape) <= 2 for name in on_the_way(trace, of))
