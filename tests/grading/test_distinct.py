"""An instance by whose accident two mistakes give the same numbers is told from one that tells them apart."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from chainrule.grading import Grader, accidental_collision
from chainrule.grading.distinct import _every_submission, _same, _that_may_be_the_same
from chainrule.grading.policy import Policy
from chainrule.operations.calls import Calls

ASKED = ["outputs", "loss", "gradients.y_hat", "gradients.W2", "gradients.b2", "gradients.W1", "gradients.b1"]
IN, HIDDEN, OUT, N = 3, 7, 5, 11


def grader(layers: list[dict[str, Any]], inputs: NDArray[Any], targets: NDArray[Any], loss: str) -> Grader:
    request = {"network": {"layers": layers}, "inputs": inputs, "targets": targets, "loss": loss, "backend": "numpy"}
    call = Calls().take("gradients", request)
    prepared = call.operation.prepared
    return Grader(prepared.plan, prepared.host_leaves(call.arrays))


def two_layers(first: dict[str, Any], second: dict[str, Any], seed: int = 0) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [
        {"op": "linear", "weight": rng.normal(size=(HIDDEN, IN)), "bias": rng.normal(size=HIDDEN)},
        first,
        {"op": "linear", "weight": rng.normal(size=(OUT, HIDDEN)), "bias": rng.normal(size=OUT)},
        second,
    ]


@pytest.mark.parametrize(
    ("first", "second", "loss"),
    [
        ({"op": "relu", "scale": 3}, {"op": "identity"}, "squared_error"),
        ({"op": "tanh"}, {"op": "sigmoid"}, "bce"),
        ({"op": "sigmoid"}, {"op": "softargmax"}, "mse"),
    ],
)
def test_normal_numbers_tell_the_mistakes_apart(first: dict[str, Any], second: dict[str, Any], loss: str) -> None:
    rng = np.random.default_rng(1)
    targets = rng.integers(0, 2, size=(N, OUT)).astype(float)
    problem = grader(two_layers(first, second), rng.normal(size=(N, IN)), targets, loss)
    assert accidental_collision(problem, ASKED) is None


def test_a_relu_whose_units_are_all_active_hides_a_missing_derivative() -> None:
    rng = np.random.default_rng(2)
    layers = two_layers({"op": "relu"}, {"op": "identity"})
    layers[0]["bias"] = np.full(HIDDEN, 100.0)
    found = accidental_collision(grader(layers, rng.normal(size=(N, IN)), rng.normal(size=(N, OUT)), "mse"), ASKED)
    assert found is not None
    assert "a1" in found


def test_examples_that_are_all_alike_hide_which_of_them_was_taken() -> None:
    rng = np.random.default_rng(3)
    inputs, targets = np.tile(rng.normal(size=IN), (N, 1)), np.tile(rng.normal(size=OUT), (N, 1))
    found = accidental_collision(grader(two_layers({"op": "tanh"}, {"op": "identity"}), inputs, targets, "mse"), ASKED)
    assert found is not None
    assert "one_example" in found


@pytest.mark.parametrize("seed", range(3))
def test_no_pair_that_is_the_same_is_passed_over(seed: int) -> None:
    rng = np.random.default_rng(seed)
    layers = two_layers({"op": "relu", "scale": 3}, {"op": "identity"}, seed)
    layers[0]["bias"] = np.full(HIDDEN, 100.0)
    problem = grader(layers, rng.normal(size=(N, IN)), rng.normal(size=(N, OUT)), "mse")
    found = _every_submission(problem, [problem.resolve(name) for name in ASKED])
    found = {**found, "not a number": {name: array * np.nan for name, array in found["the right answer"].items()}}
    found["infinite"] = {name: np.full_like(array, np.inf) for name, array in found["the right answer"].items()}
    policy, labels = Policy(), list(found)
    same = {pair for pair in combinations(labels, 2) if _same(found[pair[0]], found[pair[1]], policy)}
    looked_at = set(_that_may_be_the_same(found, labels, policy))
    assert same
    assert same <= looked_at
    assert len(looked_at) < 3 * len(same)
