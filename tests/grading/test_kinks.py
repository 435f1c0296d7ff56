"""At a kink another subgradient is as good, in gradients and in Jacobians, and beside a mistake made elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from chainrule import operations

Array = NDArray[Any]
Mask = Callable[[Array], Array]

MASKS: dict[str, Mask] = {
    "s > 0": lambda s: 1.0 * (s > 0),
    "s >= 0": lambda s: 1.0 * (s >= 0),
    "one half": lambda s: np.heaviside(s, 0.5),
}


def marked(problem: dict[str, Any], **answers: Any) -> dict[str, str]:
    """The status of each quantity."""
    items = operations.run("grade", {**problem, "answers": answers})["items"]
    return {item["quantity"]: item["status"] for item in items}


def two_relus(mask: Mask, factor: float = 1.0) -> tuple[dict[str, Any], dict[str, Array]]:
    """A net of integers, whose ReLUs are at their kinks; its gradients, with a factor too much at the loss."""
    rng = np.random.default_rng(0)
    x = rng.integers(-2, 3, size=(6, 3)).astype(float)
    w1, w2 = rng.integers(-1, 2, size=(5, 3)).astype(float), rng.integers(-2, 3, size=(4, 5)).astype(float)
    w3, y = rng.normal(size=(2, 4)), rng.normal(size=(6, 2))
    relu = {"op": "relu"}
    layers = [
        {"op": "linear", "weight": w1},
        relu,
        {"op": "linear", "weight": w2},
        relu,
        {"op": "linear", "weight": w3},
    ]
    problem = {"network": {"layers": layers}, "inputs": x, "targets": y, "loss": "squared_error"}
    s1 = x @ w1.T
    a1 = np.maximum(s1, 0)
    s2 = a1 @ w2.T
    a2 = np.maximum(s2, 0)
    assert (s1 == 0).any()
    assert (s2 == 0).any()
    into_y = 2 * (a2 @ w3.T - y) * factor
    into_s2 = into_y @ w3 * mask(s2)
    into_s1 = into_s2 @ w2 * mask(s1)
    return problem, {"y_hat": into_y, "W3": into_y.T @ a2, "s2": into_s2, "W2": into_s2.T @ a1, "W1": into_s1.T @ x}


@pytest.mark.parametrize("mask", MASKS)
def test_every_mask_of_a_relu_is_right(mask: str) -> None:
    problem, gradients = two_relus(MASKS[mask])
    assert set(marked(problem, gradients=gradients).values()) <= {"correct", "at_kink"}


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("factor", [-1.0, 2.0, 1.37])
def test_a_mistake_before_a_kink_is_charged_once(mask: str, factor: float) -> None:
    problem, gradients = two_relus(MASKS[mask], factor)
    found = marked(problem, gradients=gradients)
    assert found.pop("gradients.y_hat") == "wrong"
    assert set(found.values()) == {"correct_given_own_work"}


@pytest.mark.parametrize("mask", MASKS)
def test_a_mistake_before_a_kink_is_named(mask: str) -> None:
    problem, gradients = two_relus(MASKS[mask], -1.0)
    (mistake,) = operations.run("grade", {**problem, "answers": {"gradients": gradients}})["diagnosis"]
    assert (mistake["mistake"], mistake["at"]) == ("sign", "C")


def test_no_other_mask_is_right() -> None:
    for mask in (lambda s: 1.0 * (s > 1), lambda s: 1.0 * (s >= -1), lambda s: np.heaviside(s, 1.5), np.ones_like):
        problem, gradients = two_relus(mask)
        found = marked(problem, gradients={name: gradients[name] for name in ("s2", "W1")})
        assert found["gradients.s2"] == "wrong"


SIGNS: dict[str, Mask] = {
    "sign": np.sign,
    "e >= 0": lambda e: np.where(e >= 0, 1.0, -1.0),
    "e > 0": lambda e: np.where(e > 0, 1.0, -1.0),
}


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("sign", SIGNS)
def test_each_op_has_a_convention_of_its_own(mask: str, sign: str) -> None:
    x = np.array([[0, 1], [2, -1], [1, 1]])
    y = np.array([[0, 1], [2, 0], [0, 5]])
    loss = {"op": "l1", "reduction": "sum"}
    problem = {"network": {"layers": [{"op": "relu"}]}, "inputs": x, "targets": y, "loss": loss}
    into_y = SIGNS[sign](np.maximum(x, 0) - y)
    found = marked(problem, gradients={"y_hat": into_y, "x": into_y * MASKS[mask](x)})
    assert set(found.values()) <= {"correct", "at_kink"}


@pytest.mark.parametrize("mask", MASKS)
def test_jacobians_have_kinks_too(mask: str) -> None:
    w, x = np.array([[1, 0], [0, 1], [1, 1]]), np.array([[0, 1], [2, -1]])
    problem = {"network": {"layers": [{"op": "linear", "weight": w}, {"op": "relu"}]}, "inputs": x}
    local = MASKS[mask](x @ w.T)[:, :, None] * np.eye(3)
    found = marked(problem, jacobians={"y_hat/s1": local, "y_hat/x": local @ w})
    assert set(found.values()) == {"correct" if mask == "s > 0" else "at_kink"}
    assert marked(problem, jacobians={"y_hat/s1": 1 - local})["jacobians.y_hat/s1"] == "wrong"


def test_bounds_may_count_as_inside() -> None:
    layers = [{"op": "clamp", "low": -1, "high": 1}]
    problem = {"network": {"layers": layers}, "inputs": [[-1, 1, 0, 2]], "upstream": [[1, 2, 3, 4]]}
    assert marked(problem, gradients={"x": [[1, 2, 3, 0]]}) == {"gradients.x": "at_kink"}
    assert marked(problem, gradients={"x": [[0, 0, 3, 0]]}) == {"gradients.x": "correct"}
    assert marked(problem, gradients={"x": [[1, 2, 3, 4]]}) == {"gradients.x": "wrong"}


def test_a_margin_that_is_met_may_count_as_one_that_is_not() -> None:
    loss = {"op": "hinge", "reduction": "sum"}
    targets, prediction = np.array([[1], [-1], [1]]), np.array([[1], [-1], [0.5]])
    layers = [{"op": "identity"}]
    problem = {"network": {"layers": layers}, "inputs": prediction, "targets": targets, "loss": loss}
    assert marked(problem, gradients={"x": [[-1], [1], [-1]]}) == {"gradients.x": "at_kink"}
    assert marked(problem, gradients={"x": [[0], [0], [-1]]}) == {"gradients.x": "correct"}


def test_a_margin_between_classes_may_be_met_by_several() -> None:
    loss = {"op": "multiclass_hinge", "reduction": "sum", "divide_by_classes": False}
    inputs = [[5, 4, 0, 4], [1, 2, 1, 0]]
    problem = {"network": {"layers": [{"op": "identity"}]}, "inputs": inputs, "targets": [0, 1], "loss": loss}
    assert marked(problem, gradients={"x": [[-2, 1, 0, 1], [1, -2, 1, 0]]}) == {"gradients.x": "at_kink"}
    assert marked(problem, gradients={"x": [[0, 0, 0, 0], [0, 0, 0, 0]]}) == {"gradients.x": "correct"}
    assert marked(problem, gradients={"x": [[-1, 1, 0, 1], [1, -2, 1, 0]]}) == {"gradients.x": "wrong"}
