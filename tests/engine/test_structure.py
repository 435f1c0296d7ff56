"""Structured cotangents and Jacobians against the dense arrays they stand for."""

import numpy as np
import pytest

from chainrule.engine.backends import choose
from chainrule.engine.structure import Diagonal, Outer, OuterJacobian

N, T, K, M = 5, 4, 3, 2


@pytest.fixture(params=["numpy", "torch"])
def xp(request):
    return choose(request.param, "cpu", "float64")


@pytest.fixture
def drawn(xp):
    """Normal numbers of a shape, and the same as an array of the backend."""
    rng = np.random.default_rng(0)

    def draw(*shape):
        array = rng.standard_normal(shape)
        return array, xp.asarray(array)

    return draw


@pytest.mark.parametrize("seeds", [(), (2,)], ids=["one", "seeds"])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("tokens", [False, True])
def test_an_outer_product_is_read_three_ways(xp, drawn, seeds, transposed, tokens):
    gap = (T,) if tokens else ()
    left, held_left = drawn(*seeds, N, *gap, K)
    right, held_right = drawn(N, *gap, M)
    outer = Outer(held_left, held_right, tokens=tokens, transposed=transposed)
    formula = "...ntk,ntm->...nkm" if tokens else "...nk,nm->...nkm"
    each = np.einsum(formula, left, right)
    squares = (each**2).sum((-2, -1))
    each = np.swapaxes(each, -1, -2) if transposed else each
    np.testing.assert_allclose(xp.to_numpy(outer.each()), each, atol=1e-14)
    np.testing.assert_allclose(xp.to_numpy(outer.sum(xp)), each.sum(-3), atol=1e-14)
    np.testing.assert_allclose(xp.to_numpy(outer.sqnorm(xp)), squares, rtol=1e-12)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
@pytest.mark.parametrize("lead", [(), (N,)], ids=["unbatched", "batched"])
def test_a_diagonal_as_seeds_is_one_cotangent_a_component(xp, drawn, shape, lead):
    diagonal, held = drawn(*lead, *shape)
    seeds = xp.to_numpy(Diagonal(held).seeds(xp, shape))
    size = int(np.prod(shape))
    assert seeds.shape == (size, *lead, *shape)
    rows = np.moveaxis(seeds.reshape((size, *lead, size)), 0, -2)
    flat = diagonal.reshape((*lead, size))
    np.testing.assert_array_equal(rows, flat[..., None] * np.eye(size))


@pytest.mark.parametrize("of", [(), (4,), (2, 4)])
def test_an_outer_jacobian_is_contiguous_in_torch_order(xp, drawn, of):
    left, held_left = drawn(N, *of, K)
    right, held_right = drawn(N, M)
    value = xp.to_numpy(OuterJacobian(held_left, held_right).dense())
    assert value.flags.c_contiguous
    np.testing.assert_allclose(value, np.einsum("n...k,nm->n...km", left, right), atol=1e-15)
