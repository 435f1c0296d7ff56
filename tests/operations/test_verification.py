"""Verification where values are awkward and the gradients right."""

from __future__ import annotations

from typing import Any

import pytest

from chainrule.engine.ops.arithmetic import Add
from chainrule.engine.ops.regression import Huber
from chainrule.engine.ops.softmax import Softargmax
from chainrule.operations import run

BACKENDS = pytest.mark.parametrize("backend", ["numpy", "torch"])


def verified(**request: Any) -> dict[str, Any]:
    return run("gradients", {"verify": True, "wrt": "all", **request})


@BACKENDS
def test_bce_on_logits_of_0(backend: str) -> None:
    layers = [{"op": "linear", "weight": [[0, 0]], "bias": [0]}]
    request = {"network": {"layers": layers}, "inputs": [[1, 2], [3, 4]], "targets": [[1], [0.3]], "backend": backend}
    found = verified(**request, loss="bce_logits")["verification"]
    assert found["method"] == "complex_step"
    assert max(found["deviations"].values()) < 1e-14


@BACKENDS
@pytest.mark.parametrize("loss", [{"op": "huber"}, {"op": "huber", "delta": 0.2}, {"op": "smooth_l1"}], ids=str)
def test_a_jump_of_the_second_derivative_is_met_by_one_sided_differences(backend: str, loss: dict[str, Any]) -> None:
    request = {"network": {"layers": [{"op": "gelu"}]}, "inputs": [[0, 0]], "targets": [[1, 0.2]], "backend": backend}
    reply = verified(**request, loss=loss)
    assert reply["verification"]["method"] == "five_point"
    assert reply["verification"]["passed"]
    assert max(reply["verification"]["deviations"].values()) < 1e-9
    told = "verification: compared by one-sided differences at h = 1e-06, closer than the five-point rule at 0.0001"
    assert reply["warnings"] == [f"{told}: x, gelu1"]


@BACKENDS
def test_five_points_that_agree_are_not_commented_on(backend: str) -> None:
    request = {"network": {"layers": [{"op": "gelu"}]}, "inputs": [[0, 0]], "targets": [[3, 0.2]], "backend": backend}
    reply = verified(**request, loss="huber")
    assert reply["verification"]["passed"]
    assert reply["warnings"] == []


def test_one_sided_differences_do_not_make_a_wrong_gradient_right(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Huber.derivative
    monkeypatch.setattr(Huber, "derivative", lambda self, xp, saved: right(self, xp, saved) * (1 + 1e-6))
    request = {"network": {"layers": [{"op": "gelu"}]}, "inputs": [[0, 0]], "targets": [[1, 0.2]]}
    assert not verified(**request, loss="huber", backend="numpy")["verification"]["passed"]


LINEAR: dict[str, Any] = {"name": "s", "op": "linear", "inputs": ["x"], "weight": "W"}
ADDED: dict[str, Any] = {"name": "z", "op": "add", "inputs": ["a", "k"]}
ZERO: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "the sum of probabilities": ([LINEAR, {"name": "z", "op": "softargmax", "inputs": ["s"]}], {}),
    "what is added to all logits": (
        [LINEAR, {"name": "a", "op": "tanh", "inputs": ["s"]}, ADDED],
        {"targets": [0, 2, 1], "loss": "cross_entropy"},
    ),
    "the same by five points": (
        [LINEAR, {"name": "a", "op": "gelu", "inputs": ["s"]}, ADDED],
        {"targets": [0, 2, 1], "loss": "cross_entropy"},
    ),
}
"""Nodes that end in z, and a loss; without one, Σz is differentiated."""


def zero(name: str, backend: str, dtype: str) -> dict[str, Any]:
    nodes, loss = ZERO[name]
    parameters = {"W": [[0.3, -0.2], [0.1, 0.5], [-0.7, 0.2]], "k": [0.3]}
    network = {"parameters": parameters, "nodes": nodes, "output": "z"}
    more = loss or {"upstream": [[1, 1, 1]] * 3}
    return {"network": network, "inputs": [[1, 2], [0.3, 0.4], [-0.6, 0.1]], "backend": backend, "dtype": dtype, **more}


@BACKENDS
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ZERO)
def test_a_gradient_of_zero_passes_with_what_rounding_leaves_of_it(backend: str, dtype: str, name: str) -> None:
    reply = verified(**zero(name, backend, dtype))
    assert reply["verification"]["passed"]
    assert reply["warnings"] == []


@pytest.mark.parametrize("name", ZERO)
def test_a_gradient_that_is_not_zero_does_not_pass_for_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    of_add, of_softargmax = Add.partial, Softargmax.vjp
    monkeypatch.setattr(Add, "partial", lambda self, *given: of_add(self, *given) + 1e-8)
    monkeypatch.setattr(Softargmax, "vjp", lambda self, *given: (of_softargmax(self, *given)[0] + 1e-8,))
    assert not verified(**zero(name, "numpy", "float64"))["verification"]["passed"]
