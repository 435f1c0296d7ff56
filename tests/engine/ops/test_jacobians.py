"""The structure that rules declare really holds, and Jacobians assembled from them are the true ones."""

from math import prod

import numpy as np

from chainrule.engine.jacobian import dense, jacobian, jacobian_shape


def true_jacobian(case, i):
    """∂output/∂input from forward values alone, in torch layout: (N, *of, *wrt), the N axes where there are any."""
    full = case.jacobians[i]
    if not (case.output_batched and case.batched[i]):
        return full
    return np.moveaxis(np.diagonal(full, axis1=0, axis2=len(case.output_shape)), -1, 0)


def test_a_declared_diagonal_is_all_there_is(case):
    declared = case.bound.diagonals(case.xp, case.point) or (None,) * len(case.inputs)
    assert len(declared) == len(case.inputs)
    for i in case.differentiable:
        if declared[i] is not None:
            shape = case.plan.slots[case.of].shape
            assert case.shapes[i] == shape
            wanted = true_jacobian(case, i)
            found = np.broadcast_to(declared[i], case.output_shape).reshape((-1, prod(shape)))
            found = found[:, :, None] * np.eye(prod(shape))
            np.testing.assert_allclose(found.reshape(wanted.shape), wanted, rtol=0, atol=1e-9)


def test_an_activation_that_is_diagonal_says_so(case):
    declared = case.bound.diagonals(case.xp, case.point)
    if case.op.family == "activation" and case.shapes[0] == case.plan.slots[case.of].shape:
        size = prod(case.shapes[0])
        local = true_jacobian(case, 0).reshape((-1, size, size))
        diagonal = not local[:, ~np.eye(size, dtype=bool)].any()
        assert (declared is not None and declared[0] is not None) == diagonal


def test_the_jacobian_of_a_node_alone_is_the_true_one(case, xp):
    trace = case.trace(xp)
    for i in case.differentiable:
        found = jacobian(trace, case.of, case.slots[i])
        shape = jacobian_shape(case.plan, case.of, case.slots[i])
        value = xp.to_numpy(dense(xp, found, shape, len(case.plan.slots[case.of].shape)))
        assert value.shape == shape
        assert value.flags.c_contiguous
        wanted = true_jacobian(case, i)
        np.testing.assert_allclose(value, wanted, rtol=0, atol=1e-9 * max(1, abs(wanted).max()))
