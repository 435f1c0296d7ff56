"""Follow-through credits work: answers that make everything after them trivial earn nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from chainrule.operations import run

N, IN, HIDDEN, OUT = 11, 3, 7, 5
Answers = dict[str, NDArray[Any]]


def problem(activation: str = "tanh") -> dict[str, Any]:
    rng = np.random.default_rng(0)
    layers = [
        {"op": "linear", "weight": rng.normal(size=(HIDDEN, IN)), "bias": rng.normal(size=HIDDEN)},
        {"op": activation},
        {"op": "linear", "weight": rng.normal(size=(OUT, HIDDEN)), "bias": rng.normal(size=OUT)},
    ]
    inputs, targets = rng.normal(size=(N, IN)), rng.normal(size=(N, OUT))
    return {"network": {"layers": layers}, "inputs": inputs, "targets": targets, "loss": "mse"}


def gradients(fill: float) -> Answers:
    shapes = {"y_hat": (N, OUT), "W2": (OUT, HIDDEN), "b2": (OUT,), "W1": (HIDDEN, IN), "b1": (HIDDEN,)}
    return {name: np.full(shape, fill) for name, shape in shapes.items()}


def score(request: dict[str, Any], answers: dict[str, Any]) -> float:
    found: float = run("grade", {**request, "backend": "numpy", "answers": answers})["score"]
    return found


def test_targets_handed_in_as_outputs_and_zeros_after_them() -> None:
    request = problem()
    answers = {"outputs": request["targets"], "loss": 0.0, "gradients": gradients(0.0)}
    assert score(request, answers) == 0


def test_a_first_layer_that_is_dead() -> None:
    zeros = {name: value for name, value in gradients(0.0).items() if name in ("W1", "b1")}
    assert score(problem("relu"), {"values": {"s1": -np.ones((N, HIDDEN))}, "gradients": zeros}) == 0


@pytest.mark.parametrize("tiny", [1e-12, 1e-9])
def test_numbers_that_vanish(tiny: float) -> None:
    assert score(problem(), {"gradients": {**gradients(0.0), "y_hat": np.full((N, OUT), tiny)}}) == 0
    assert score(problem(), {"gradients": gradients(tiny)}) == 0


@pytest.mark.parametrize("huge", [1e12, 1e300])
def test_one_number_that_hides_the_others(huge: float) -> None:
    upstream = np.ones((N, OUT))
    upstream[0, 0] = huge
    bias = np.full(OUT, 12345.0)
    bias[0] = upstream[:, 0].sum()
    assert score(problem(), {"gradients": {"y_hat": upstream, "b2": bias}}) == 0


@pytest.mark.parametrize("scale", [-1.0, 1 / (N * OUT), 1e-4, 50.0])
def test_honest_work_after_a_slip_keeps_its_points(scale: float) -> None:
    request = problem()
    truth = run("gradients", {**request, "backend": "numpy", "wrt": ["y_hat", "W2", "b2", "W1", "b1"]})["gradients"]
    answers = {"gradients": {name: scale * value for name, value in truth.items()}}
    assert score(request, answers) == len(truth) - 1
