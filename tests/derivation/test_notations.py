"""Every op has a notation, and at every sample its formulas, evaluated, are what forward() and the engine give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule.derivation.local import local_jacobians
from chainrule.derivation.notation import over_grid
from chainrule.derivation.subject import Edge, Subject
from chainrule.engine.ops.penalties import Total
from chainrule.engine.registry import ops
from derivation.evaluating import assert_near, environments
from engine.ops.conftest import Case, cases_of

CASES = [case for name, op in (*ops().items(), ("total", Total)) for case in cases_of(name, op)]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


@every_case
def test_the_output_is_what_forward_gives(case: Case) -> None:
    subject, trace = Subject(case.plan), case.trace(case.xp)
    notation = subject.notation(0)
    i = subject.letters.indices(subject.shape(case.of))
    for example, env in enumerate(environments(trace)):
        wanted = trace.values[case.of][example] if case.output_batched else trace.values[case.of]
        assert_near(over_grid(notation.entry(i), i, env), wanted)
        assert_near(notation.whole().value(env), wanted)


@every_case
def test_the_jacobian_is_the_engines(case: Case) -> None:
    subject, trace = Subject(case.plan), case.trace(case.xp)
    for which in case.differentiable:
        (edge,) = subject.edges_into(case.slots[which])
        wanted = local_jacobians(trace, 0, {edge.source})[edge.source]
        batched = case.output_batched or case.batched[which]
        for example, env in enumerate(environments(trace)):
            assert_near(edge.value(env), wanted[example] if batched else wanted)


@every_case
def test_what_a_chain_leaves_out_or_writes_as_a_matrix_is_the_jacobian(case: Case) -> None:
    subject, trace = Subject(case.plan), case.trace(case.xp)
    for which in case.differentiable:
        (edge,) = subject.edges_into(case.slots[which])
        for env in environments(trace)[:1]:
            found: Any = edge.value(env)
            if edge.passes_on:
                assert_near(found, identity(edge.of))
            if edge.matrix is not None:
                assert_near(edge.matrix.value(env), found)
            if edge.outer is not None:
                x = env.values[edge.outer.x.name]
                assert_near(found, outer_jacobian(edge, x))


def identity(shape: tuple[int, ...]) -> Any:
    size = int(np.prod(shape))
    return np.eye(size).reshape((*shape, *shape))


def outer_jacobian(edge: Edge, x: Any) -> Any:
    """∂sᵢ/∂Wⱼₖ = δᵢⱼ xₖ, or for a flipped W ∂sᵢ/∂Wₖⱼ."""
    assert edge.outer is not None
    found = np.einsum("ij,k->ijk", np.eye(*edge.of), x)
    return found.swapaxes(1, 2) if edge.outer.flipped else found


@pytest.mark.parametrize("name", ops())
def test_every_op_has_samples_to_be_held_to(name: str) -> None:
    assert [case for case in CASES if case.op.name == name]
