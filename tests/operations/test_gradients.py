"""`gradients`: per example, step by step, from an upstream, with penalties, at kinks, and checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from chainrule.engine.ops.rectifiers import Relu
from chainrule.operations import Refused, run

EXACT = {"rtol": 1e-12, "atol": 1e-13}
N, IN, HIDDEN, OUT = 6, 3, 7, 5
BACKENDS = pytest.mark.parametrize("backend", ["numpy", "torch"])


def problem(seed: int = 0, **more: Any) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    layers = [
        {"op": "linear", "weight": rng.normal(size=(HIDDEN, IN)), "bias": rng.normal(size=HIDDEN)},
        {"op": "tanh"},
        {"op": "linear", "weight": rng.normal(size=(OUT, HIDDEN)), "bias": rng.normal(size=OUT)},
        {"op": "softargmax"},
    ]
    inputs, targets = rng.normal(size=(N, IN)), rng.uniform(size=(N, OUT))
    return {"network": {"layers": layers}, "inputs": inputs, "targets": targets, "loss": "mse", **more}


def autograd(request: dict[str, Any], penalty: float = 0.0) -> dict[str, NDArray[Any]]:
    first, _, second, _ = request["network"]["layers"]
    names = {"W1": first["weight"], "b1": first["bias"], "W2": second["weight"], "b2": second["bias"]}
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in names.items()}
    leaves["x"] = torch.tensor(request["inputs"], requires_grad=True)
    hidden = torch.tanh(leaves["x"] @ leaves["W1"].T + leaves["b1"])
    output = torch.softmax(hidden @ leaves["W2"].T + leaves["b2"], -1)
    if "upstream" in request:
        output.backward(torch.tensor(request["upstream"]))
    else:
        loss = torch.nn.functional.mse_loss(output, torch.tensor(request["targets"]))
        (loss + penalty * (leaves["W1"] ** 2).sum()).backward()
    return {name: leaf.grad.numpy() for name, leaf in leaves.items() if leaf.grad is not None}


@BACKENDS
def test_per_example_gradients_sum_to_the_gradients_and_are_each_examples_own(backend: str) -> None:
    request = problem(backend=backend, per_example=True, wrt=["W1", "b1", "W2", "b2", "x"])
    reply = run("gradients", request)
    for name in ("W1", "b1", "W2", "b2"):
        assert_allclose(reply["per_example"]["gradients"][name].sum(0), reply["gradients"][name], **EXACT)
    for n in range(N):
        alone = {**request, "inputs": request["inputs"][[n]], "targets": request["targets"][[n]], "per_example": False}
        own = run("gradients", alone)["gradients"]
        for name in ("W1", "b1", "W2", "b2"):
            assert_allclose(reply["per_example"]["gradients"][name][n], own[name] / N, **EXACT)


@BACKENDS
def test_an_upstream_stands_in_place_of_a_loss(backend: str) -> None:
    upstream = np.random.default_rng(5).normal(size=(N, OUT))
    request = problem(backend=backend, upstream=upstream, wrt="all")
    del request["loss"]
    reply = run("gradients", request)
    assert "loss" not in reply
    for name, expected in autograd(request).items():
        assert_allclose(reply["gradients"][name], expected, **EXACT)
    assert_allclose(reply["gradients"]["a2"], upstream, **EXACT)


@BACKENDS
def test_a_penalty_is_added_to_the_loss_and_its_gradient(backend: str) -> None:
    penalties = [{"op": "l2_penalty", "parameters": ["W1"], "scale": 0.3}]
    request = problem(backend=backend, penalties=penalties, wrt=["W1", "b1", "W2", "b2"])
    reply, plain = run("gradients", request), run("gradients", {**request, "penalties": []})
    weight = request["network"]["layers"][0]["weight"]
    assert reply["loss"] == pytest.approx(plain["loss"] + 0.3 * (weight**2).sum(), rel=1e-12)
    truth = autograd(request, penalty=0.3)
    for name in ("W1", "b1", "W2", "b2"):
        assert_allclose(reply["gradients"][name], truth[name], **EXACT)


def test_per_example_is_refused_with_a_penalty() -> None:
    penalties = [{"op": "l2_penalty", "parameters": ["W1"]}]
    with pytest.raises(Refused, match="belongs to no example"):
        run("gradients", problem(backend="numpy", penalties=penalties, per_example=True))


@BACKENDS
@pytest.mark.parametrize("layout", ["torch", "numerator", "denominator"])
def test_a_single_example_is_a_batch_of_one_without_its_axis(backend: str, layout: str) -> None:
    request = problem(backend=backend, wrt="all", layout=layout, loss="squared_error")
    one = {**request, "inputs": request["inputs"][0], "targets": request["targets"][0], "batched": False}
    batch = {**request, "inputs": request["inputs"][:1], "targets": request["targets"][:1]}
    alone, first = run("gradients", one), run("gradients", batch)
    assert alone["outputs"].shape == (OUT,)
    assert alone["loss"] == first["loss"]
    for name, value in alone["gradients"].items():
        batched = name[0] not in "Wb"
        assert_allclose(value, first["gradients"][name][0] if batched else first["gradients"][name], **EXACT)


@BACKENDS
def test_what_a_step_contributes_is_its_cotangent_times_its_local_factor(backend: str) -> None:
    reply = run("gradients", problem(backend=backend, wrt="all", steps=True))
    assert [step["node"] for step in reply["steps"]] == ["C", "a2", "s2", "a1", "s1"]
    for step in reply["steps"][1:]:
        for operand, local in step["local"].items():
            passed = through(step["cotangent"], local)
            found = step["contributes"][operand]
            assert_allclose(found, passed.sum(0) if operand in ("weight", "bias") else passed, **EXACT)
            assert_allclose(found, reply["gradients"][step["inputs"][operand]], **EXACT)


def through(cotangent: NDArray[Any], local: dict[str, Any]) -> NDArray[Any]:
    """Each example's cotangent times the local factor, from the definition of each structure."""
    match local["structure"]:
        case "diagonal":
            return cotangent * local["diagonal"]
        case "outer":
            return np.einsum("ni,nij,nk->njk", cotangent, local["left"], local["right"])
    return np.einsum("ni,...ij->nj" if local["value"].ndim == 2 else "ni,nij->nj", cotangent, local["value"])


@BACKENDS
def test_kinks_are_listed_with_the_value_used(backend: str) -> None:
    request = {
        "network": {"layers": [{"op": "relu", "scale": 3}]},
        "inputs": [[0.0, 1.0], [-1.0, 0.0]],
        "upstream": [[1.0, 1.0], [1.0, 1.0]],
        "wrt": ["x"],
        "backend": backend,
    }
    reply = run("gradients", request)
    assert reply["kink_count"] == 2
    assert reply["kinks"] == [
        {"node": "relu1", "index": [0, 0], "value": 0.0},
        {"node": "relu1", "index": [1, 1], "value": 0.0},
    ]
    single = run("gradients", {**request, "inputs": [0.0, 1.0], "upstream": [1.0, 1.0], "batched": False})
    assert single["kinks"] == [{"node": "relu1", "index": [0], "value": 0.0}]


@BACKENDS
@pytest.mark.parametrize("batched", [True, False])
def test_a_kink_of_what_has_no_batch_axis_keeps_its_whole_index(backend: str, batched: bool) -> None:
    nodes = [
        {"name": "r", "op": "relu", "inputs": ["P"]},
        {"name": "m", "op": "mul", "inputs": ["x", "r"]},
    ]
    network = {"parameters": {"P": [[1.0, 2.0], [0.0, -1.0]]}, "nodes": nodes, "output": "m"}
    x = np.ones((2, 2))
    request = {"network": network, "inputs": x[None] if batched else x, "targets": x[None] if batched else x}
    penalties = [{"op": "l1_penalty", "parameters": ["P"]}]
    reply = run("gradients", {**request, "loss": "mse", "penalties": penalties, "batched": batched, "backend": backend})
    assert [(kink["node"], kink["index"]) for kink in reply["kinks"]] == [("r", [1, 0]), ("l1_penalty1.P", [1, 0])]


@BACKENDS
def test_only_what_was_differentiated_counts_as_a_kink(backend: str) -> None:
    layers = [{"op": "relu"}, {"op": "linear", "weight": [[1.0]]}]
    request = {"network": {"layers": layers}, "inputs": [[0.0]], "upstream": [[1.0]], "backend": backend}
    assert run("gradients", {**request, "wrt": ["W1"]})["kink_count"] == 0
    assert run("gradients", {**request, "wrt": ["x"]})["kink_count"] == 1


def test_at_most_twenty_kinks_are_listed_with_the_true_count() -> None:
    zeros = np.zeros((3, 11))
    request = {"network": {"layers": [{"op": "relu"}]}, "inputs": zeros, "upstream": zeros, "wrt": ["x"]}
    reply = run("gradients", {**request, "backend": "numpy"})
    assert (len(reply["kinks"]), reply["kink_count"]) == (20, 33)


@BACKENDS
@pytest.mark.parametrize("activation", ["tanh", "gelu", "relu"])
def test_verification_passes_where_the_rules_are_right(backend: str, activation: str) -> None:
    request = problem(backend=backend, wrt="all", verify=True)
    request["network"]["layers"][1] = {"op": activation}
    found = run("gradients", request)["verification"]
    assert found["method"] == ("five_point" if activation == "gelu" else "complex_step")
    assert found["passed"]
    assert set(found["deviations"]) == {"W1", "b1", "W2", "b2", "x", "s1", "a1", "s2", "a2"}


def test_verification_fails_where_a_rule_is_off_by_a_thousandth(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Relu.derivative
    monkeypatch.setattr(Relu, "derivative", lambda self, xp, x, y: right(self, xp, x, y) * 1.0009)
    monkeypatch.setattr(
        Relu, "vjp", lambda self, xp, c, at, wanted: (c * self.derivative(xp, at.inputs[0], at.output),)
    )
    request = problem(backend="numpy", verify=True)
    request["network"]["layers"][1] = {"op": "relu"}
    found = run("gradients", request)["verification"]
    assert not found["passed"]
    assert found["deviations"]["W1"] > 1e-5
    assert found["deviations"]["W2"] < 1e-12


def test_verification_of_an_upstreams_cotangents() -> None:
    request = problem(backend="torch", upstream=np.random.default_rng(8).normal(size=(N, OUT)), verify=True, wrt="all")
    del request["loss"]
    assert run("gradients", request)["verification"]["passed"]


@BACKENDS
def test_verification_says_that_a_loss_which_is_not_finite_tells_nothing(backend: str) -> None:
    request = {
        "network": {"layers": [{"op": "sigmoid"}]},
        "inputs": [[800.0, 1.0]],
        "targets": [[0.0, 1.0]],
        "loss": "bce",
        "backend": backend,
    }
    reply = run("gradients", {**request, "wrt": "all", "verify": True})
    assert reply["loss"] == np.inf
    assert not reply["verification"]["passed"]
    assert "verification: the loss is not finite here, so differences of it say nothing" in reply["warnings"]


@BACKENDS
@pytest.mark.parametrize("activation", ["sigmoid", "silu", "tanh", "softplus", "softargmax"])
def test_verification_passes_where_an_activation_is_saturated(backend: str, activation: str) -> None:
    request = {"network": {"layers": [{"op": activation}]}, "inputs": [[-800.0, 0.5, 800.0]], "backend": backend}
    reply = run("gradients", {**request, "upstream": [[0.3, -2.0, 1.5]], "wrt": "all", "verify": True})
    assert reply["verification"]["passed"]


@BACKENDS
def test_verification_names_what_cannot_be_moved_without_leaving_the_domain(backend: str) -> None:
    layers = [{"op": "gelu"}, {"op": "scale", "factor": 9}, {"op": "sigmoid", "name": "p"}]
    request = {"network": {"layers": layers}, "inputs": [[-1.0, 2.0]], "targets": [[0, 1]], "loss": "bce"}
    reply = run("gradients", {**request, "wrt": ["x", "y_hat"], "verify": True, "backend": backend})
    assert reply["verification"]["deviations"]["x"] < 1e-9
    assert not reply["verification"]["passed"]
    assert any("step from y_hat leaves where the network is defined" in warning for warning in reply["warnings"])


@BACKENDS
@pytest.mark.parametrize("op", ["log", "sqrt"])
def test_verification_at_the_edge_of_a_domain_is_answered(backend: str, op: str) -> None:
    request = {"network": {"layers": [{"op": op}]}, "inputs": [[0.0, 2.0]], "upstream": [[1.0, 1.0]]}
    reply = run("gradients", {**request, "wrt": "all", "verify": True, "backend": backend})
    assert not reply["verification"]["passed"]
    assert any(warning.startswith("verification: ") for warning in reply["warnings"])


def test_verification_is_told_by_the_names_asked_for() -> None:
    found = run("gradients", problem(backend="numpy", wrt=["y_hat", "x"], verify=True))["verification"]
    assert set(found["deviations"]) == {"y_hat", "x"}


@BACKENDS
@pytest.mark.parametrize("batched", [True, False])
def test_an_output_of_parameters_alone_has_no_batch_axis(backend: str, batched: bool) -> None:
    nodes = [{"name": "e", "op": "exp", "inputs": ["P"]}]
    network = {"parameters": {"P": [1.0, 2.0]}, "nodes": nodes, "output": "e"}
    request = {"network": network, "inputs": [[1.0]], "batched": batched, "upstream": [3.0, -1.0], "backend": backend}
    reply = run("gradients", {**request, "steps": True})
    assert_allclose(reply["gradients"]["P"], [3 * np.e, -(np.e**2)], **EXACT)
    assert reply["steps"][0]["local"]["x"]["shape"] == [2, 2]


def test_a_gradient_with_respect_to_what_does_not_matter_is_zero() -> None:
    network = {"parameters": {"unused": [1.0, 2.0]}, "layers": [{"op": "tanh"}]}
    request = {"network": network, "inputs": [[1.0]], "upstream": [[1.0]], "backend": "numpy"}
    assert run("gradients", request)["gradients"]["unused"].tolist() == [0, 0]


@BACKENDS
def test_float32_stays_float32(backend: str) -> None:
    reply = run("gradients", problem(backend=backend, dtype="float32", wrt="all", per_example=True))
    arrays = [reply["outputs"], *reply["gradients"].values(), *reply["per_example"]["gradients"].values()]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
    assert reply["meta"]["dtype"] == "float32"


def test_values_that_are_not_finite_are_told() -> None:
    request = {"network": {"layers": [{"op": "sqrt"}]}, "inputs": [[0.0]], "upstream": [[1.0]], "wrt": ["x"]}
    reply = run("gradients", {**request, "backend": "numpy"})
    assert reply["gradients"]["x"].tolist() == [[np.inf]]
    assert any("gradients.x" in warning for warning in reply["warnings"])
