"""Activations where arithmetic is hard, and what they refuse."""

import math

import numpy as np
import pytest

from chainrule.engine.backends import choose
from chainrule.engine.errors import DomainError, EngineError, ShapeError
from chainrule.engine.op import Point
from chainrule.engine.ops.exponential import SELU_SCALE
from chainrule.engine.registry import find

SLOPE_ABOVE = {"selu": SELU_SCALE, "softsign": 0, "sigmoid": 0, "tanh": 0}
"""Far above 0, where it is not 1."""
FAR = np.array([[-1e4, -800.0, -40.0, 40.0, 800.0, 1e4]])


def at(xp, op, *arrays):
    """The output and, for a cotangent of ones, what comes back to the first input."""
    inputs = tuple(xp.asarray(array) for array in arrays)
    bound = op.bind(*(array.shape[1:] for array in arrays))
    output, saved = bound.forward(xp, *inputs)
    into = bound.vjp(xp, xp.ones(tuple(output.shape)), Point(inputs, output, saved), (True,) * len(inputs))
    return xp.to_numpy(output)[0].tolist(), xp.to_numpy(into[0])[0].tolist()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("name", "far_below", "far_above"),
    [
        ("relu", 0, 1),
        ("elu", -1, 1),
        ("celu", -1, 1),
        ("softplus", 0, 1),
        ("silu", 0, 1),
        ("mish", 0, 1),
        ("gelu", 0, 1),
        ("identity", -1e4, 1),
    ],
)
def test_a_rectifier_is_flat_far_below_0_and_the_identity_far_above(xp, name, far_below, far_above):
    with np.errstate(over="ignore"):
        output, derivative = at(xp, find(name)(), FAR)
    assert output[0] == far_below
    assert output[3:] == pytest.approx(FAR[0, 3:].tolist(), rel=1e-15)
    assert derivative[3:] == pytest.approx([far_above] * 3, rel=1e-15)
    assert derivative[:2] == [1, 1] if name == "identity" else derivative[:2] == [0, 0]


@pytest.mark.parametrize(
    "name", ["elu", "celu", "selu", "softplus", "gelu", "silu", "mish", "softsign", "sigmoid", "tanh"]
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("far", [1e10, 1e20, 1e38])
def test_what_has_a_slope_far_away_has_it_where_squares_overflow(backend, dtype, name, far):
    xp = choose(backend, "cpu", dtype)
    for options in ({"approximate": "none"}, {"approximate": "tanh"}) if name == "gelu" else ({},):
        with np.errstate(over="ignore"):
            _, derivative = at(xp, find(name)(**options), np.array([[-far, far]]))
        assert derivative == pytest.approx([0, SLOPE_ABOVE.get(name, 1)], rel=1e-6, abs=1e-15)


@pytest.mark.parametrize("beta", [1e308, -1e308])
def test_softargmax_goes_over_into_the_argmax(xp, beta):
    x = np.array([[1.0, 10.0, 10.0, -20.0]])
    argmax = [0, 0.5, 0.5, 0] if beta > 0 else [0, 0, 0, 1]
    with np.errstate(over="ignore", divide="ignore"):
        assert at(xp, find("softargmax")(beta=beta), x)[0] == argmax
        logarithms, _ = at(xp, find("log_softargmax")(beta=beta), x)
        assert logarithms == [math.log(p) if p else -math.inf for p in argmax]
        if beta > 0:
            assert at(xp, find("logsumexp")(beta=beta), x) == (10, argmax)


@pytest.mark.parametrize("name", ["sqrt", "log"])
def test_the_slope_at_minus_zero_is_that_at_zero(xp, name):
    with np.errstate(divide="ignore"):
        _, derivative = at(xp, find(name)(), np.array([[-0.0, 0.0]]))
    assert derivative == [math.inf, math.inf]


def test_sigmoid_keeps_its_digits_far_below_0(xp):
    with np.errstate(over="ignore"):
        output, derivative = at(xp, find("sigmoid")(), FAR)
    assert output == [0, pytest.approx(0, abs=1e-300), pytest.approx(math.exp(-40), rel=1e-14), 1, 1, 1]
    assert derivative[2] == pytest.approx(math.exp(-40), rel=1e-14)


@pytest.mark.parametrize("beta", [1.0, 3.0])
def test_softplus_does_not_turn_linear(xp, beta):
    x = np.array([[-700.0, -30.0, 0.0, 21.0, 30.0]]) / beta
    output, derivative = at(xp, find("softplus")(beta=beta), x)
    wanted = [(max(s, 0) + math.log1p(math.exp(-abs(s)))) / beta for s in (beta * x[0]).tolist()]
    assert output == pytest.approx(wanted, rel=1e-15)
    assert derivative[1] == pytest.approx(math.exp(-30), rel=1e-12)


@pytest.mark.parametrize("name", ["softargmax", "log_softargmax", "logsumexp"])
def test_along_the_last_axis_a_constant_changes_only_what_it_should(xp, name):
    x = np.array([[0.25, -1.5, 2.0, 0.0]])
    near, near_derivative = at(xp, find(name)(), x)
    far, far_derivative = at(xp, find(name)(), x + 2.0**20)
    shift = 2.0**20 if name == "logsumexp" else 0
    assert np.array(far) - shift == pytest.approx(np.array(near), rel=1e-9, abs=1e-12)
    assert far_derivative == pytest.approx(near_derivative, rel=1e-12, abs=1e-15)


def test_log_softargmax_has_no_limit_where_softargmax_is_0(xp):
    output, _ = at(xp, find("log_softargmax")(), np.array([[0.0, -2000.0, -1e6]]))
    assert output == [0, -2000, -1e6]


def test_softargmax_goes_to_argmax_and_logsumexp_to_the_maximum(xp):
    x = np.array([[0.5, 2.0, 1.75]])
    assert at(xp, find("softargmax")(beta=1e3), x)[0] == pytest.approx([0, 1, 0], abs=1e-100)
    assert at(xp, find("logsumexp")(beta=1e3), x)[0] == pytest.approx(2, abs=1e-100)


@pytest.mark.parametrize("name", ["log", "sqrt"])
def test_a_negative_number_has_no_logarithm_and_no_root(xp, name):
    with pytest.raises(DomainError, match=f"2 of the values that {name} takes are negative"):
        at(xp, find(name)(), np.array([[-1.0, 4.0, -1e-300]]))


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_at_0_the_logarithm_and_the_slope_of_the_root_are_infinite(xp):
    assert at(xp, find("log")(), np.array([[0.0, 1.0]])) == ([-math.inf, 0], [math.inf, 1])
    assert at(xp, find("sqrt")(), np.array([[0.0, 4.0]])) == ([0, 2], [math.inf, 0.25])


def test_clamp_wants_a_bound():
    with pytest.raises(EngineError, match="give low, high, or both"):
        find("clamp")().shape((3,))


@pytest.mark.parametrize(("name", "low", "high"), [("hardtanh", "min_val", "max_val"), ("clamp", "low", "high")])
def test_bounds_are_in_order(name, low, high):
    for lower, upper in [(1.0, -1.0), (2.0, 2.0)]:
        with pytest.raises(EngineError, match="the lower must be below the upper"):
            find(name)(**{low: lower, high: upper}).shape((3,))


@pytest.mark.parametrize("slope", [(2,), (1,), (3, 4)])
def test_prelu_wants_one_slope_or_one_per_last_axis(slope):
    with pytest.raises(ShapeError, match=r"slope has shape .*; prelu wants \[\] \(one for all\) or \[4\]"):
        find("prelu")().shape((3, 4), slope)


@pytest.mark.parametrize("name", ["softargmax", "log_softargmax", "logsumexp"])
def test_a_number_has_no_last_axis(name):
    with pytest.raises(ShapeError, match="at least one axis"):
        find(name)().shape(())


def test_maximum_wants_equal_shapes():
    with pytest.raises(ShapeError, match=r"b has shape \[3\]; maximum wants the shape of a, \[2, 3\]"):
        find("maximum")().shape((2, 3), (3,))
