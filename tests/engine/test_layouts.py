"""The table of layouts: shapes, and that each is a rearrangement of torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule.engine.backends import Namespace, choose
from chainrule.engine.errors import Unsupported
from chainrule.engine.layouts import gradient, jacobian

N, K, A, M = 6, 5, 4, 3


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.fixture
def xp() -> Namespace:
    return choose("numpy", "cpu", "float64")


@pytest.mark.parametrize(
    ("lead", "shape", "torch", "numerator", "denominator"),
    [
        ((), (K,), (K,), (1, K), (K, 1)),
        ((N,), (K,), (N, K), (N, 1, K), (N, K, 1)),
        ((), (A, M), (A, M), (M, A), (A, M)),
        ((N,), (A, M), (N, A, M), (N, M, A), (N, A, M)),
        ((N,), (), (N,), (N,), (N,)),
    ],
)
def test_a_gradient_has_the_tables_shape(
    xp: Namespace, lead: Any, shape: Any, torch: Any, numerator: Any, denominator: Any, rng: np.random.Generator
) -> None:
    value = rng.normal(size=(*lead, *shape))
    shapes = {layout: gradient(xp, value, shape, layout).shape for layout in ("torch", "numerator", "denominator")}
    assert shapes == {"torch": torch, "numerator": numerator, "denominator": denominator}


@pytest.mark.parametrize(
    ("lead", "of", "wrt", "torch", "numerator", "denominator"),
    [
        ((N,), (K,), (A,), (N, K, A), (N, K, A), (N, A, K)),
        ((), (K,), (A,), (K, A), (K, A), (A, K)),
        ((N,), (K,), (A, M), (N, K, A, M), (N, K, M, A), (N, A, M, K)),
        ((), (), (A, M), (A, M), (M, A), (A, M)),
        ((N,), (K,), (), (N, K), (N, K), (N, K)),
    ],
)
def test_a_jacobian_has_the_tables_shape(
    xp: Namespace, lead: Any, of: Any, wrt: Any, torch: Any, numerator: Any, denominator: Any, rng: np.random.Generator
) -> None:
    value = rng.normal(size=(*lead, *of, *wrt))
    shapes = {layout: jacobian(xp, value, of, wrt, layout).shape for layout in ("torch", "numerator", "denominator")}
    assert shapes == {"torch": torch, "numerator": numerator, "denominator": denominator}


def test_entries_stay_with_their_indices(xp: Namespace, rng: np.random.Generator) -> None:
    value = rng.normal(size=(N, K, A, M))
    numerator = jacobian(xp, value, (K,), (A, M), "numerator")
    denominator = jacobian(xp, value, (K,), (A, M), "denominator")
    for n, i, j, k in [(0, 1, 2, 0), (5, 4, 3, 2), (3, 0, 0, 1)]:
        assert numerator[n, i, k, j] == value[n, i, j, k] == denominator[n, j, k, i]


def test_for_a_linear_layer_itself_numerator_and_denominator_are_the_same_numbers(
    xp: Namespace, rng: np.random.Generator
) -> None:
    x = rng.normal(size=M)
    own = np.einsum("ij,k->ijk", np.eye(K), x)
    numerator = jacobian(xp, own, (K,), (K, M), "numerator")
    denominator = jacobian(xp, own, (K,), (K, M), "denominator")
    assert np.array_equal(numerator, denominator.transpose(2, 1, 0))


def test_textbook_layouts_are_refused_above_rank_two(xp: Namespace) -> None:
    with pytest.raises(Unsupported, match="rank 3"):
        gradient(xp, np.zeros((2, 3, 4)), (2, 3, 4), "numerator")
    assert gradient(xp, np.zeros((2, 3, 4)), (2, 3, 4), "torch").shape == (2, 3, 4)
