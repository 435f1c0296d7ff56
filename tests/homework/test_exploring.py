"""HOMEWORK 1.2a, 1.3c, 1.4b, 1.4c and 2.2: the five stages of training, the size of gradients over depth, the graph,
derivatives of activations, and following a logit."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from homework.net import HIDDEN, N_IN, OUT, Net, Post
from homework.test_graphs import SCALARS
from pictures.reading import assert_legible, texts
from pictures.test_graphs import crossings

EXACT = {"rtol": 1e-10, "atol": 1e-12}
NAMES = ("W1", "b1", "W2", "b2")
RELU, IDENTITY = {"op": "relu"}, {"op": "identity"}


@pytest.mark.parametrize("clear", [True, False])
def test_the_five_steps_of_training_1_2a(post: Post, clear: bool) -> None:
    net = Net(RELU, IDENTITY, batch=11)
    how = {"steps": 3, "learning_rate": 0.01, "clear_gradients": clear}
    reply = post("train", **net.problem, loss={"op": "mse"}, **how)
    leaves = {name: torch.tensor(getattr(net, name), requires_grad=True) for name in NAMES}
    for stages in reply["recorded"]:
        assert list(stages) == ["step", "forward", "loss", "clear", "backward", "update"]
        hidden = torch.relu(torch.tensor(net.x) @ leaves["W1"].T + leaves["b1"])
        loss = torch.nn.functional.mse_loss(hidden @ leaves["W2"].T + leaves["b2"], torch.tensor(net.y))
        assert_allclose(stages["loss"]["loss"], loss.item(), **EXACT)
        found = {
            name: np.zeros(leaf.shape) if leaf.grad is None or clear else leaf.grad for name, leaf in leaves.items()
        }
        for name, leaf in leaves.items():
            assert_allclose(stages["clear"]["gradients"][name], found[name], **EXACT)
            leaf.grad = leaf.grad if leaf.grad is None or not clear else None
        loss.backward()
        for name, leaf in leaves.items():
            assert_allclose(stages["backward"]["accumulated"][name], leaf.grad, **EXACT)
            with torch.no_grad():
                leaf -= 0.01 * leaf.grad
            assert_allclose(stages["update"]["values"][name], leaf.detach(), **EXACT)


def test_the_size_of_the_gradient_over_depth_1_3c(post: Post) -> None:
    width, draw = 20, np.random.default_rng(5)
    layers: list[dict[str, Any]] = []
    for _ in range(10):
        weight = draw.normal(size=(width, width)) * (2 / width) ** 0.5
        layers += [{"op": "linear", "weight": weight, "bias": draw.normal(size=width)}, {"op": "tanh"}]
    layers.append({"op": "linear", "weight": draw.normal(size=(3, width)) * (2 / width) ** 0.5})
    inputs, targets = draw.normal(size=(32, width)), draw.normal(size=(32, 3))
    problem = {"network": {"layers": layers}, "inputs": inputs, "targets": targets, "loss": "mse"}
    tanh, relu = post("flow", **problem, alternatives=["tanh", "relu"], format="svg")["flows"]
    shrunk = []
    for flow in (tanh, relu):
        sizes = {node["node"]: node["cotangent"] for node in flow["nodes"]}
        shrunk.append(sizes["s10"] / sizes["s1"])
    assert shrunk[0] > 2 * shrunk[1]
    truth = post("gradients", **problem, wrt=["s1", "s10"])["gradients"]
    assert_allclose(tanh["nodes"][0]["cotangent"], np.linalg.norm(truth["s1"]), **EXACT)


def test_the_graph_of_1_4b_as_a_picture(post: Post) -> None:
    problem = {"network": SCALARS, "inputs": {"x": 2, "y": 3, "z": 1}, "batched": False, "upstream": 1}
    reply = post("graph", **problem, values=True, gradients=True, format="svg")
    assert {node["name"]: node["gradient"] for node in reply["nodes"] if node["kind"] == "input"} == {
        "x": 292, "y": 120, "z": 60,
    }  # fmt: skip
    assert_legible(reply["svg"])
    assert crossings(reply["svg"]) == 0
    # Two operators in each of a = xy + z, b = a(x + x) and w = ab + b.
    assert sorted(words for words in texts(reply["svg"]) if words in ("×", "+")) == ["+", "+", "+", "×", "×", "×"]


@pytest.mark.parametrize(
    ("op", "options", "function"),
    [
        ("relu", "{}", torch.relu),
        ("leaky_relu", '{"slope": 0.1}', lambda s: torch.nn.functional.leaky_relu(s, 0.1)),
        ("leaky_relu", '{"slope": 0.01}', torch.nn.functional.leaky_relu),
        ("softplus", '{"beta": 1}', torch.nn.functional.softplus),
        ("gelu", "{}", torch.nn.functional.gelu),
    ],
)
def test_the_derivatives_of_1_4c(op: str, options: str, function: Any, url: str) -> None:
    query = {"options": options, "low": -4, "high": 4, "points": 81}
    curve = httpx.get(f"{url}/v1/ops/{op}", params=query).json()["curve"]
    s = torch.tensor(curve["x"], dtype=torch.float64, requires_grad=True)
    value = function(s)
    value.sum().backward()
    assert_allclose(curve["value"], value.detach(), **EXACT)
    assert_allclose(curve["derivative"], s.grad, **EXACT)
    picture = httpx.get(f"{url}/v1/ops/{op}", params=query, headers={"Accept": "image/svg+xml"})
    assert_legible(picture.text)


def test_following_a_logit_2_2(post: Post) -> None:
    net = Net(RELU, IDENTITY, batch=4)
    upstream = np.zeros((4, OUT))
    upstream[:, 3] = 1
    problem = {name: field for name, field in net.problem.items() if name != "targets"}
    how = {"wrt": ["x"], "maximize": True, "steps": 5, "learning_rate": 0.1}
    reply = post("train", **problem, upstream=upstream, **how)
    x = torch.tensor(net.x, requires_grad=True)
    for stages in reply["recorded"]:
        hidden = torch.relu(x @ torch.tensor(net.W1).T + torch.tensor(net.b1))
        logits = hidden @ torch.tensor(net.W2).T + torch.tensor(net.b2)
        (gradient,) = torch.autograd.grad(logits[:, 3].sum(), x)
        x = (x + 0.1 * gradient).detach().requires_grad_()
        assert_allclose(stages["update"]["values"]["x"], x.detach(), **EXACT)
    assert np.shape(reply["moved"]["x"]) == (4, N_IN)
    assert reply["losses"] == sorted(reply["losses"])
    assert len(net.W1) == HIDDEN
