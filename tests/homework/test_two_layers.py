"""HOMEWORK 1.2 and 1.3: the two-layer net on one example, in the homework's numerator layout and in torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from homework.net import HIDDEN, N_IN, OUT, Net, Post

RELU3, IDENTITY, TANH, SIGMOID = {"op": "relu", "scale": 3}, {"op": "identity"}, {"op": "tanh"}, {"op": "sigmoid"}
EXACT = {"rtol": 1e-10, "atol": 1e-12}
PARAMETERS = ("W1", "b1", "W2", "b2")


def autograd(net: Net, loss: str) -> dict[str, Any]:
    """∂C/∂ of every parameter, node and ŷ by torch autograd, in torch layout."""
    tensors = {name: torch.tensor(getattr(net, name), requires_grad=True) for name in PARAMETERS}
    s1 = torch.tensor(net.x) @ tensors["W1"].T + tensors["b1"]
    a1 = 3 * torch.relu(s1) if net.f is RELU3 else torch.tanh(s1)
    s2 = a1 @ tensors["W2"].T + tensors["b2"]
    a2 = s2 if net.g is IDENTITY else torch.sigmoid(s2)
    y = torch.tensor(net.y)
    cost = ((a2 - y) ** 2).sum() if loss == "squared_error" else torch.nn.functional.binary_cross_entropy(a2, y)
    tensors |= {"s1": s1, "a1": a1, "s2": s2, "a2": a2}
    found = torch.autograd.grad(cost, list(tensors.values()))
    return {name: g.numpy() for name, g in zip(tensors, found, strict=True)} | {"C": cost.item()}


CASES = [
    pytest.param(RELU3, IDENTITY, "squared_error", id="1.2 relu x3, identity, squared error"),
    pytest.param(TANH, SIGMOID, "squared_error", id="1.3a tanh, sigmoid, squared error"),
    pytest.param(TANH, SIGMOID, {"op": "bce", "reduction": "mean"}, id="1.3b tanh, sigmoid, BCE"),
]


def test_every_layers_input_and_output_of_1_2b(post: Post) -> None:
    net = Net(RELU3, IDENTITY, batch=None)
    reply = post("forward", **net.problem, trace=True)
    s1 = net.W1 @ net.x + net.b1
    a1 = 3 * np.maximum(s1, 0)
    s2 = net.W2 @ a1 + net.b2
    trace = {entry["node"]: entry for entry in reply["trace"]}
    assert list(trace) == ["s1", "a1", "s2", "a2"]
    assert [entry["inputs"] for entry in reply["trace"]] == [
        {"x": "x", "weight": "W1", "bias": "b1"},
        {"x": "s1"},
        {"x": "a1", "weight": "W2", "bias": "b2"},
        {"x": "s2"},
    ]
    for name, value in {"s1": s1, "a1": a1, "s2": s2, "a2": s2}.items():
        assert_allclose(trace[name]["output"], value, **EXACT)
    assert_allclose(reply["outputs"], s2, **EXACT)


@pytest.mark.parametrize(("f", "g", "loss"), CASES)
def test_gradients_equal_autograd_in_torch_layout(post: Post, f: Any, g: Any, loss: Any) -> None:
    net = Net(f, g, batch=None)
    reply = post("gradients", **net.problem, loss=loss, wrt="all")
    truth = autograd(net, loss if isinstance(loss, str) else loss["op"])
    assert reply["loss"] == pytest.approx(truth["C"], rel=1e-12)
    for name in (*PARAMETERS, "s1", "a1", "s2", "a2"):
        found = np.array(reply["gradients"][name])
        assert found.shape == truth[name].shape
        assert_allclose(found, truth[name], **EXACT)


@pytest.mark.parametrize(("f", "g", "loss"), CASES)
def test_gradients_have_the_homeworks_shapes_in_numerator_layout(post: Post, f: Any, g: Any, loss: Any) -> None:
    net = Net(f, g, batch=None)
    names = [*PARAMETERS, "y_hat", "s2", "a1", "s1"]
    reply = post("gradients", **net.problem, loss=loss, wrt=names, layout="numerator")
    shapes = {name: np.array(value).shape for name, value in reply["gradients"].items()}
    assert shapes == {
        "W1": (N_IN, HIDDEN), "b1": (1, HIDDEN), "W2": (HIDDEN, OUT), "b2": (1, OUT),
        "y_hat": (1, OUT), "s2": (1, OUT), "a1": (1, HIDDEN), "s1": (1, HIDDEN),
    }  # fmt: skip
    truth = autograd(net, loss if isinstance(loss, str) else loss["op"])
    for name in names:
        expected = truth["a2" if name == "y_hat" else name]
        assert_allclose(reply["gradients"][name], np.atleast_2d(expected).T if name[0] == "W" else [expected], **EXACT)


FACTORS = {
    "y_hat/s2": (OUT, OUT),
    "s2/a1": (OUT, HIDDEN),
    "a1/s1": (HIDDEN, HIDDEN),
    "s2/W2": (OUT, HIDDEN, OUT),
    "s2/b2": (OUT, OUT),
    "s1/W1": (HIDDEN, N_IN, HIDDEN),
    "s1/b1": (HIDDEN, HIDDEN),
    "C/y_hat": (1, OUT),
}
"""The factors of the chain, and their shapes as 1.2c has them."""


def factors(post: Post, net: Net, layout: str) -> dict[str, Any]:
    asked = [dict(zip(("of", "wrt"), pair.split("/"), strict=True)) for pair in FACTORS]
    return post("jacobians", **net.problem, loss="squared_error", pairs=asked, layout=layout)["jacobians"]


def test_factors_of_the_chain_have_their_shapes_in_torch_layout_too(post: Post) -> None:
    net = Net(RELU3, IDENTITY, batch=None)
    found = factors(post, net, "torch")
    weights = {"s2/W2": (OUT, OUT, HIDDEN), "s1/W1": (HIDDEN, HIDDEN, N_IN)}
    shapes = {**FACTORS, **weights, "C/y_hat": (OUT,)}
    assert {name: np.array(entry["value"]).shape for name, entry in found.items()} == shapes
    assert {name: tuple(entry["shape"]) for name, entry in found.items()} == shapes
    of_numerator = factors(post, net, "numerator")
    for name in weights:
        assert_allclose(np.swapaxes(found[name]["value"], 1, 2), of_numerator[name]["value"], **EXACT)
    a1 = 3 * np.maximum(net.W1 @ net.x + net.b1, 0)
    assert_allclose(found["s2/W2"]["value"], np.einsum("ki,j->kij", np.eye(OUT), a1), **EXACT)
    assert_allclose(found["s1/W1"]["value"], np.einsum("ki,j->kij", np.eye(HIDDEN), net.x), **EXACT)


@pytest.mark.parametrize(
    ("layout", "axes"), [("torch", "Nkan"), ("numerator", "Nkna"), ("denominator", "Nank")], ids=str
)
@pytest.mark.parametrize("batch", [None, 4])
def test_the_output_by_the_first_weight_has_its_shape_in_every_layout(
    post: Post, batch: int | None, layout: str, axes: str
) -> None:
    net = Net(TANH, SIGMOID, batch=batch)
    w2, b1, b2 = (torch.tensor(array) for array in (net.W2, net.b1, net.b2))

    def output(w1: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(w2 @ torch.tanh(w1 @ x + b1) + b2)

    examples = [torch.tensor(x) for x in np.atleast_2d(net.x)]
    each = [torch.autograd.functional.jacobian(lambda w1, x=x: output(w1, x), torch.tensor(net.W1)) for x in examples]
    truth = np.einsum(f"Nkan->{axes}", torch.stack(each).numpy())
    reply = post("jacobians", **net.problem, pairs=[{"of": "y_hat", "wrt": "W1"}], layout=layout)
    found = reply["jacobians"]["y_hat/W1"]
    wanted = truth[0] if batch is None else truth
    sizes = {"N": 4, "k": OUT, "a": HIDDEN, "n": N_IN}
    assert found["shape"] == [sizes[axis] for axis in (axes[1:] if batch is None else axes)]
    assert_allclose(found["value"], wanted, **EXACT)


def test_factors_of_the_chain_have_the_shapes_of_1_2c(post: Post) -> None:
    net = Net(RELU3, IDENTITY, batch=None)
    jacobians = factors(post, net, "numerator")
    found = {name: np.array(entry["value"]) for name, entry in jacobians.items()}
    assert {name: value.shape for name, value in found.items()} == FACTORS
    assert {name: tuple(entry["shape"]) for name, entry in jacobians.items()} == FACTORS
    gradients = post("gradients", **net.problem, loss="squared_error", layout="numerator")["gradients"]
    into_b2 = found["C/y_hat"] @ found["y_hat/s2"]
    into_b1 = into_b2 @ net.W2 @ found["a1/s1"]
    a1 = 3 * np.maximum(net.W1 @ net.x + net.b1, 0)
    assert_allclose(found["s2/a1"], net.W2, **EXACT)
    assert_allclose(gradients["b2"], into_b2, **EXACT)
    assert_allclose(gradients["b1"], into_b1, **EXACT)
    assert_allclose(gradients["W2"], a1[:, None] @ into_b2, **EXACT)
    assert_allclose(gradients["W1"], net.x[:, None] @ into_b1, **EXACT)
    assert_allclose(np.einsum("ik,knj->inj", into_b2, found["s2/W2"])[0], gradients["W2"], **EXACT)


def test_elements_of_1_2d(post: Post) -> None:
    net = Net(RELU3, IDENTITY, batch=None)
    pairs = [{"of": "a1", "wrt": "s1"}, {"of": "y_hat", "wrt": "s2"}, {"of": "C", "wrt": "y_hat"}]
    reply = post("jacobians", **net.problem, loss="squared_error", pairs=pairs, layout="numerator")
    s1 = net.W1 @ net.x + net.b1
    y_hat = net.W2 @ (3 * np.maximum(s1, 0)) + net.b2
    assert_allclose(reply["jacobians"]["a1/s1"]["value"], np.diag(3.0 * (s1 > 0)), **EXACT)
    assert_allclose(reply["jacobians"]["y_hat/s2"]["value"], np.eye(OUT), **EXACT)
    assert_allclose(reply["jacobians"]["C/y_hat"]["value"], [2 * (y_hat - net.y)], **EXACT)


def test_elements_of_1_3a(post: Post) -> None:
    net = Net(TANH, SIGMOID, batch=None)
    pairs = [{"of": "a1", "wrt": "s1"}, {"of": "y_hat", "wrt": "s2"}]
    reply = post("jacobians", **net.problem, pairs=pairs, form="structured")
    s1 = net.W1 @ net.x + net.b1
    sigma = 1 / (1 + np.exp(-(net.W2 @ np.tanh(s1) + net.b2)))
    assert {entry["structure"] for entry in reply["jacobians"].values()} == {"diagonal"}
    assert_allclose(reply["jacobians"]["a1/s1"]["diagonal"], 1 - np.tanh(s1) ** 2, **EXACT)
    assert_allclose(reply["jacobians"]["y_hat/s2"]["diagonal"], sigma * (1 - sigma), **EXACT)


def test_bce_has_the_right_sign_in_1_3b_and_fuses_with_the_sigmoid(post: Post) -> None:
    net = Net(TANH, SIGMOID, batch=None)
    reply = post("gradients", **net.problem, loss={"op": "bce", "reduction": "mean"}, wrt=["y_hat", "s2"])
    y_hat = 1 / (1 + np.exp(-(net.W2 @ np.tanh(net.W1 @ net.x + net.b1) + net.b2)))
    cost = -np.mean(net.y * np.log(y_hat) + (1 - net.y) * np.log(1 - y_hat))
    assert reply["loss"] == pytest.approx(cost, rel=1e-12)
    right = (y_hat - net.y) / (y_hat * (1 - y_hat)) / OUT
    assert_allclose(reply["gradients"]["y_hat"], right, **EXACT)
    assert_allclose(reply["gradients"]["s2"], (y_hat - net.y) / OUT, **EXACT)
    sheet = (net.y - y_hat) / (y_hat - y_hat**2) / OUT
    assert not np.allclose(reply["gradients"]["y_hat"], sheet, rtol=0.1)


def test_steps_show_every_factor_and_what_it_contributes(post: Post) -> None:
    net = Net(RELU3, IDENTITY, batch=None)
    reply = post("gradients", **net.problem, loss="squared_error", wrt="all", steps=True, layout="numerator")
    steps = {step["node"]: step for step in reply["steps"]}
    assert list(steps) == ["C", "a2", "s2", "a1", "s1"]
    s1 = net.W1 @ net.x + net.b1
    assert_allclose(steps["a1"]["local"]["x"]["diagonal"], 3.0 * (s1 > 0), **EXACT)
    assert_allclose(steps["s2"]["local"]["x"]["value"], net.W2, **EXACT)
    assert_allclose(steps["s2"]["cotangent"], reply["gradients"]["s2"], **EXACT)
    for name, step in steps.items():
        for operand, given in step["contributes"].items():
            taken = step["inputs"][operand]
            assert_allclose(given, reply["gradients"][taken], **EXACT, err_msg=f"{name} to {taken}")
