"""Flow: the steepest slopes stated are those there are, norms of any size, shares of quiet units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule.engine.backends import choose
from chainrule.engine.flow import QUIET, norm
from chainrule.engine.op import Elementwise
from chainrule.engine.registry import ops
from chainrule.engine.structure import Diagonal, Outer

XP = choose("numpy", "cpu", "float64")
NAMED = {name: op for name, op in ops().items() if issubclass(op, Elementwise) and op.quiet}
NAMELESS = {"identity", "abs", "exp", "log", "sqrt", "square"}
"""Functions that neither level off nor cut off."""
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "relu": [{}, {"scale": 3.0}, {"scale": -2.0}],
    "leaky_relu": [{}, {"slope": 0.3}, {"slope": -2.5}],
    "elu": [{}, {"alpha": 0.5}, {"alpha": 2.0}],
    "celu": [{}, {"alpha": 3.0}],
    "softplus": [{}, {"beta": 4.0}],
    "gelu": [{}, {"approximate": "tanh"}],
    "clamp": [{"low": -1.0, "high": 2.0}],
}
MADE = [(name, options) for name in NAMED for options in OPTIONS.get(name, [{}])]


def test_every_activation_says_what_its_quiet_units_are_called_or_is_none_of_that_kind() -> None:
    elementwise = {name for name, op in ops().items() if issubclass(op, Elementwise)}
    assert elementwise - set(NAMED) == NAMELESS | {"scale"} & elementwise


@pytest.mark.parametrize(("name", "options"), MADE)
def test_the_steepest_slope_is_the_steepest_there_is(name: str, options: dict[str, Any]) -> None:
    op = NAMED[name](**options)
    assert isinstance(op, Elementwise)
    s = np.union1d(np.linspace(-12, 12, 200_001), [-1e-12, 1e-12])
    slopes = np.abs(op.derivative(XP, s, op.f(XP, s)))
    assert slopes.max() == pytest.approx(op.steepest(), rel=1e-3)


@pytest.mark.parametrize(("name", "quiet_at", "awake_at"), [
    ("relu", [0.0, -1e-9, -5.0], [1e-9, 3.0]),
    ("tanh", [2.2, -2.2, 50.0], [2.1, 0.0]),
    ("sigmoid", [4.4, -4.4], [4.3, 0.0]),
    ("leaky_relu", [-1.0, 0.0], [1.0]),
    ("hardtanh", [-1.0, 1.0, 2.0], [0.9]),
    ("elu", [-3.1], [-2.9, 1.0]),
    ("softplus", [-3.0], [-2.9]),
])  # fmt: skip
def test_a_unit_is_quiet_where_its_slope_is_a_twentieth_of_the_steepest(
    name: str, quiet_at: list[float], awake_at: list[float]
) -> None:
    op = NAMED[name]()
    assert isinstance(op, Elementwise)
    s = np.array(quiet_at + awake_at)
    slopes = np.abs(op.derivative(XP, s, op.f(XP, s)))
    quiet = slopes <= QUIET * op.steepest()
    assert quiet.tolist() == [True] * len(quiet_at) + [False] * len(awake_at)


@pytest.mark.parametrize("size", [1.0, 1e-200, 1e200, 1e-320])
def test_norms_neither_vanish_nor_overflow(size: float) -> None:
    assert norm(XP, np.array([[3.0, 0.0], [0.0, -4.0]]) * size) == pytest.approx(5 * size)


def test_norms_of_what_is_no_array() -> None:
    assert norm(XP, None) == 0
    assert norm(XP, 1.0) == 1
    assert norm(XP, np.zeros((2, 2))) == 0
    assert norm(XP, np.array([1.0, np.inf])) == np.inf
    assert np.isnan(norm(XP, np.array([1.0, np.nan])))
    assert norm(XP, Diagonal(np.array([[3.0, 4.0]]))) == 5
    assert norm(XP, Outer(np.array([[3.0]]), np.array([[0.0, 2.0]]))) == 6
