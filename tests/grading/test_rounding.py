"""Where terms cancel, right answers are as far off as their precision makes of the terms; wrong ones are farther."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from chainrule import operations
from chainrule.engine.plan import Plan
from chainrule.grading.rounding import affordable
from grading.submitting import CALLS

Array = NDArray[Any]


def wrong(problem: dict[str, Any], **answers: Any) -> list[str]:
    """The quantities that are not correct."""
    items = operations.run("grade", {**problem, "answers": answers})["items"]
    return [item["quantity"] for item in items if item["status"] != "correct"]


def softargmax(s: Array) -> Array:
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize("seed", range(20))
def test_what_cancels_in_float32_is_right_as_far_as_float32_goes(seed: int) -> None:
    """The mean of a softargmax is 1/K wherever it is taken: its gradient is zero."""
    rng = np.random.default_rng(seed)
    x, w = (rng.normal(size=shape).astype(np.float32) for shape in ((5, 3), (7, 3)))
    layers = [{"op": "linear", "weight": w, "bias": np.zeros(7)}, {"op": "softargmax"}, {"op": "mean"}]
    problem = {"network": {"layers": layers}, "inputs": x, "upstream": np.ones(5), "dtype": "float32"}
    p = softargmax(x @ w.T)
    g = np.full_like(p, 1 / 7)
    right = p * (g - (p * g).sum(-1, keepdims=True))
    assert right.dtype == np.float32
    assert not wrong(problem, gradients={"s1": right, "W1": right.T @ x, "b1": right.sum(0), "x": right @ w})
    for other in (p * g, p * (g - p), g, right + 1e-5):
        assert wrong(problem, gradients={"s1": other}) == ["gradients.s1"]
        assert wrong(problem, gradients={"W1": other.T @ x}) == ["gradients.W1"]


@pytest.mark.parametrize("seed", range(20))
def test_a_small_gradient_of_a_confident_class_is_right_as_far_as_float32_goes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    s = (rng.normal(size=(2, 3)) + 11 * np.eye(3)[[0, 2]]).astype(np.float32)
    layers = [{"op": "linear", "weight": np.eye(3), "bias": np.zeros(3)}]
    loss = {"op": "cross_entropy", "reduction": "sum"}
    problem = {"network": {"layers": layers}, "inputs": s, "targets": [0, 2], "loss": loss, "dtype": "float32"}
    right = softargmax(s) - np.eye(3, dtype=np.float32)[[0, 2]]
    assert 0 < np.abs(right).max() < 1e-3
    assert not wrong(problem, gradients={"s1": right, "W1": right.T @ s})
    for other in (2 * right, right / 2, -right, 0 * right):
        assert wrong(problem, gradients={"s1": other}) == ["gradients.s1"]


def jacobian_of_softargmax(p: Array) -> Array:
    return p[:, :, None] * (np.eye(p.shape[1], dtype=p.dtype) - p[:, None, :])


@pytest.mark.parametrize("seed", range(20))
def test_a_jacobian_of_a_confident_class_is_right_as_far_as_float32_goes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    s = (rng.normal(size=(2, 3)) + 11 * np.eye(3)[[0, 2]]).astype(np.float32)
    problem = {"network": {"layers": [{"op": "softargmax"}]}, "inputs": s, "dtype": "float32"}
    right = jacobian_of_softargmax(softargmax(s))
    assert right.dtype == np.float32
    assert not wrong(problem, jacobians={"y_hat/x": right})
    for other in (2 * right, right / 2, -right, 0 * right, softargmax(s)[:, :, None] * np.eye(3)):
        assert wrong(problem, jacobians={"y_hat/x": other}) == ["jacobians.y_hat/x"]


@pytest.mark.parametrize("seed", range(20))
def test_a_jacobian_that_cancels_is_right_as_far_as_float32_goes(seed: int) -> None:
    """A softargmax sums to 1 wherever it is taken."""
    rng = np.random.default_rng(seed)
    x, w = (rng.normal(size=shape).astype(np.float32) for shape in ((5, 3), (7, 3)))
    layers = [{"op": "linear", "weight": w}, {"op": "softargmax"}, {"op": "sum"}]
    problem = {"network": {"layers": layers}, "inputs": x, "dtype": "float32"}
    p = softargmax(x @ w.T)
    right = jacobian_of_softargmax(p).sum(1)
    assert not wrong(problem, jacobians={"y_hat/s1": right, "y_hat/x": right @ w})
    for other in (p, p * (1 - p), right + 1e-5):
        assert wrong(problem, jacobians={"y_hat/s1": other}) == ["jacobians.y_hat/s1"]
        assert wrong(problem, jacobians={"y_hat/x": other @ w}) == ["jacobians.y_hat/x"]


@pytest.mark.parametrize("seed", range(20))
def test_a_derivative_is_right_as_far_as_what_it_is_taken_at(seed: int) -> None:
    """Large terms leave an s of about 1, off by what they are, and 1/(1 + |s|)² with it."""
    rng = np.random.default_rng(seed)
    x, w = (rng.normal(size=shape).astype(np.float32) for shape in ((1, 4), (3, 4)))
    w *= 1000
    b = (rng.normal(size=3) - (x @ w.T)[0]).astype(np.float32)
    layers = [{"op": "linear", "weight": w, "bias": b}, {"op": "softsign"}]
    problem = {"network": {"layers": layers}, "inputs": x, "upstream": np.ones((1, 3)), "dtype": "float32"}
    right = 1 / (1 + np.abs(x[:, ::-1] @ w[:, ::-1].T + b)) ** 2
    assert right.dtype == np.float32
    by_x = right[:, :, None] * w
    assert not wrong(problem, gradients={"s1": right}, jacobians={"y_hat/s1": right * np.eye(3)[None], "y_hat/x": by_x})
    for other in (-right, np.sqrt(right), 1.02 * right):
        assert wrong(problem, gradients={"s1": other}) == ["gradients.s1"]
        assert wrong(problem, jacobians={"y_hat/x": other[:, :, None] * w}) == ["jacobians.y_hat/x"]


@pytest.mark.parametrize("seed", range(20))
def test_at_the_optimum_another_order_of_the_sum_is_right(seed: int) -> None:
    """Of each input there are two targets, as far above as below: large terms, and no sum."""
    rng = np.random.default_rng(seed)
    x, noise, weight = 1e5 * rng.normal(size=(15, 3)), 1e6 * rng.normal(size=(15, 2)), rng.normal(size=(2, 3))
    x, noise = np.concatenate([x, x]), np.concatenate([noise, -noise])
    targets = x @ weight.T + noise
    layers = [{"op": "linear", "weight": weight, "bias": np.zeros(2)}]
    problem = {"network": {"layers": layers}, "inputs": x, "targets": targets, "loss": "squared_error"}
    right = 2 * (x @ weight.T - targets)
    terms = right[:, :, None] * x[:, None, :]
    one_by_one = sum(terms[::-1], start=np.zeros((2, 3)))
    assert 1e-7 < np.abs(one_by_one).max() < 1e-12 * np.abs(terms).max()
    assert not wrong(problem, gradients={"W1": one_by_one, "b1": sum(right, start=np.zeros(2))})
    for other in (terms[0], terms[:-1].sum(0), np.full((2, 3), 1e-9 * np.abs(terms).max())):
        assert wrong(problem, gradients={"W1": other}) == ["gradients.W1"]


def test_where_float32_has_no_numbers_not_every_answer_is_right() -> None:
    """The sigmoid of 20 is 1 there, and what follows from that is no rounding."""
    layers = [{"op": "linear", "weight": np.eye(2), "bias": np.zeros(2)}, {"op": "sigmoid"}]
    loss = {"op": "bce", "reduction": "sum"}
    problem = {"network": {"layers": layers}, "inputs": [[20, 1]], "targets": [[0, 1]], "loss": loss}
    problem["dtype"] = "float32"
    right = np.array([[1.0, -1 / (1 + np.e)]])
    assert not wrong(problem, loss=20 + np.log1p(np.exp(-1)), gradients={"s1": right})
    for factor in (0.0, 0.9, 0.5, -1.0, 2.0):
        assert wrong(problem, loss=20 * factor, gradients={"s1": factor * right}) == ["loss", "gradients.s1"]


def test_what_follows_in_float32_follows_as_far_as_float32_goes() -> None:
    """Of a sigmoid near 1 float32 has few digits of 1 − a, and the gradient there is large."""
    s, weight = np.array([[14.01, 0.5]], np.float32), np.array([[300, 0.5]], np.float32)
    layers = [{"op": "linear", "weight": np.eye(2)}, {"op": "sigmoid"}, {"op": "linear", "weight": weight}]
    problem = {"network": {"layers": layers}, "inputs": s, "upstream": [[1]], "dtype": "float32"}
    a = 1 / (1 + np.exp(-s))
    right = weight * a * (1 - a)
    assert right.dtype == np.float32
    assert not wrong(problem, gradients={"a1": weight, "s1": right})

    def marked(s1: Array) -> list[str]:
        answers = {"gradients": {"a1": -weight, "s1": s1}}
        return [item["status"] for item in operations.run("grade", {**problem, "answers": answers})["items"]]

    assert marked(-right) == ["wrong", "correct_given_own_work"]
    for other in (-weight * a, -2 * right, -weight * a * a * (1 - a), -right + [[1e-3, 0]]):
        assert marked(other)[1] == "wrong"


def test_the_rounding_of_a_large_problem_is_not_worked_out() -> None:
    """Twenty passes through it would keep whoever hands in a wrong answer waiting."""

    def plan(examples: int) -> Plan:
        x = np.zeros((examples, 1000))
        problem = {"network": {"layers": [{"op": "tanh"}]}, "inputs": x, "backend": "numpy"}
        return CALLS.take("forward", problem).operation.prepared.plan

    assert affordable(plan(100))
    assert not affordable(plan(300))
