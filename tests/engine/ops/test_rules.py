"""Every rule, at every sample, against a Jacobian worked out from forward values alone."""

import numpy as np
import pytest

from chainrule.engine.backward import backward_program, pull_back
from chainrule.engine.forward_mode import push_forward
from chainrule.engine.structure import Outer

TOLERANCE = 1e-9


def assert_close(found, wanted, tolerance=TOLERANCE):
    scale = max(1.0, float(np.max(np.abs(wanted), initial=0)))
    np.testing.assert_allclose(np.broadcast_to(found, np.shape(wanted)), wanted, rtol=0, atol=tolerance * scale)


def test_the_output_has_the_stated_shape_and_a_cost(case):
    output = case.forward(case.xp, case.inputs)
    assert output.shape == case.output_shape
    flops = case.op.flops(*case.shapes)
    assert type(flops) is int
    assert flops >= 0


def test_examples_do_not_meet(batched_case):
    case = batched_case
    for i, jacobian in case.jacobians.items():
        if case.batched[i]:
            blocks = np.moveaxis(jacobian, len(case.output_shape), 1)
            assert not blocks[~np.eye(len(blocks), dtype=bool)].any()


def test_vjp_is_the_transposed_jacobian(case):
    for seed in (1, 2, 3):
        cotangent = case.cotangent(case.seeds, seed=seed)
        parts = case.vjp(cotangent)
        assert len(parts) == len(case.inputs)
        for i in case.differentiable:
            assert_close(case.as_array(case.xp, parts[i]), case.pulled_each(cotangent, i))


def test_vjp_takes_a_cotangent_that_all_examples_share(batched_case):
    case = batched_case
    shared = case.cotangent(case.seeds)[:, :1]
    parts = case.vjp(shared)
    full = np.broadcast_to(shared, (case.seeds, *case.output_shape))
    for i in case.differentiable:
        assert_close(case.as_array(case.xp, parts[i]), case.pulled_each(full, i))


def test_vjp_takes_a_cotangent_without_seeds(case):
    cotangent = case.cotangent()
    parts = case.vjp(cotangent)
    for i in case.differentiable:
        assert_close(case.as_array(case.xp, parts[i]), case.pulled_each(cotangent[None], i)[0])


def test_vjp_of_a_value_without_a_batch_takes_a_cotangent_an_example(unbatched_case):
    case = unbatched_case
    each = np.random.default_rng(4).standard_normal((case.seeds, 3, *case.output_shape))
    parts = case.vjp(each)
    flat = each.reshape((-1, *case.output_shape))
    for i in case.differentiable:
        wanted = case.pulled(flat, i).reshape((case.seeds, 3, *case.shapes[i]))
        assert_close(case.as_array(case.xp, parts[i]), wanted)


def test_vjp_gives_each_wanted_input_the_same_as_when_all_are_wanted(case):
    cotangent = case.cotangent(case.seeds)
    together = case.vjp(cotangent)
    for i in case.differentiable:
        alone = case.vjp(cotangent, wanted=(i,))
        assert len(alone) == len(case.inputs)
        assert np.array_equal(case.as_array(case.xp, alone[i]), case.as_array(case.xp, together[i]))


@pytest.mark.parametrize("keep_batch", [False, True], ids=["summed", "by_example"])
def test_pull_back_is_the_transposed_jacobian(case, keep_batch):
    slots = [case.slots[i] for i in case.differentiable]
    trace = case.trace(case.xp)
    for lead in ((), (case.seeds,)):
        cotangent = case.cotangent(*lead)
        found = pull_back(trace, backward_program(case.plan, case.of, slots), cotangent, keep_batch=keep_batch)
        for i in case.differentiable:
            seeds = cotangent if lead else cotangent[None]
            wanted = case.pulled_each(seeds, i) if keep_batch else case.pulled(seeds, i)
            assert_close(case.as_array(case.xp, found[case.slots[i]]), wanted if lead else wanted[0])


def test_an_outer_product_sums_to_the_gradient_and_has_its_norms(outer_case):
    case = outer_case
    cotangent = case.cotangent(case.seeds)
    for i, part in enumerate(case.vjp(cotangent)):
        if isinstance(part, Outer) and case.plan.steps[0].folds[i]:
            each = case.pulled_each(cotangent, i)
            assert_close(part.sqnorm(case.xp), (each**2).sum((-2, -1)))
            assert_close(part.sum(case.xp), case.pulled(cotangent, i))


def test_jvp_is_the_jacobian(case):
    tangents = {i: case.tangent(i, case.seeds) for i in case.differentiable}
    assert_close(case.jvp(tangents), case.pushed(tangents))
    for i, tangent in tangents.items():
        assert_close(case.jvp({i: tangent}), case.pushed({i: tangent}))


def test_what_rules_return_has_every_axis_of_an_example(case):
    """Only the batch may have a length of 1: the next op may count, cut or reshape what is along the others."""
    cotangent = case.cotangent(case.seeds)
    for i in case.differentiable:
        pushed, pulled = case.jvp({i: case.tangent(i, case.seeds)}), case.as_array(case.xp, case.vjp(cotangent)[i])
        shape = case.plan.slots[case.of].shape
        assert pushed.shape[pushed.ndim - len(shape) :] == shape
        assert pulled.shape[pulled.ndim - len(case.shapes[i]) :] == case.shapes[i]


def test_jvp_takes_a_tangent_that_all_examples_share(case):
    for i in case.differentiable:
        shape = (case.seeds, 1, *case.shapes[i])
        shared = np.random.default_rng(i).standard_normal(shape)
        found = case.jvp({i: shared})
        full = np.broadcast_to(shared, (case.seeds, *case.full_shapes[i])) if case.batched[i] else shared[:, 0]
        wanted = case.pushed({i: full})
        assert_close(found, wanted if any(case.batched) else wanted[:, None])


def test_jvp_takes_tangents_without_seeds(case):
    tangents = {i: case.tangent(i) for i in case.differentiable}
    assert_close(case.jvp(tangents), case.pushed(tangents)[0])


def test_push_forward_is_the_adjoint_of_pull_back(case, xp):
    trace = case.trace(xp)
    tangents = {case.slots[i]: xp.asarray(case.tangent(i)) for i in case.differentiable}
    cotangent = xp.asarray(case.cotangent())
    pushed = xp.to_numpy(push_forward(trace, tangents, case.of))
    pulled = pull_back(trace, backward_program(case.plan, case.of, tangents), cotangent)
    into_output = np.broadcast_to(pushed, case.output_shape) * xp.to_numpy(cotangent)
    into_inputs = [xp.to_numpy(pulled[slot] * tangent) for slot, tangent in tangents.items()]
    scale = np.abs(into_output).sum() + sum(np.abs(terms).sum() for terms in into_inputs)
    assert abs(into_output.sum() - sum(terms.sum() for terms in into_inputs)) <= 1e-12 * scale


def test_a_second_pass_back_gives_the_same(case, xp):
    trace = case.trace(xp)
    program = backward_program(case.plan, case.of, [case.slots[i] for i in case.differentiable])
    cotangent = xp.asarray(case.cotangent())
    first, second = pull_back(trace, program, cotangent), pull_back(trace, program, cotangent)
    for slot, found in first.items():
        assert np.array_equal(case.as_array(xp, found), case.as_array(xp, second[slot]))


def test_nothing_handed_to_a_rule_is_changed(case, xp):
    trace = case.trace(xp)
    point = trace.points[0]
    cotangent, tangents = xp.asarray(case.cotangent()), [xp.asarray(case.tangent(i)) for i in case.differentiable]
    watched = [*point.inputs, point.output, cotangent, *tangents]
    before = [np.array(xp.to_numpy(array)) for array in watched]
    op, slots = case.bound, dict(zip(case.differentiable, tangents, strict=True))
    op.forward(xp, *point.inputs)
    op.vjp(xp, cotangent, point, (True,) * len(point.inputs))
    op.jvp(xp, tuple(slots.get(i) for i in range(len(point.inputs))), point)
    op.diagonals(xp, point)
    op.kinks(xp, point)
    for array, held in zip(watched, before, strict=True):
        assert np.array_equal(xp.to_numpy(array), held)
