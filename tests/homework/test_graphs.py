"""HOMEWORK 1.4: softargmax, the scalar graph, sums and compositions of linear maps, shared weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from homework.net import Post

EXACT = {"rtol": 1e-10, "atol": 1e-12}


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(4)


def pair(of: str, wrt: str) -> dict[str, str]:
    return {"of": of, "wrt": wrt}


@pytest.mark.parametrize("beta", [0.5, 1, 3])
def test_softargmax_has_its_full_jacobian_and_is_the_gradient_of_logsumexp(
    post: Post, beta: float, rng: np.random.Generator
) -> None:
    s = rng.normal(size=5)
    p = np.exp(beta * s) / np.exp(beta * s).sum()
    soft = {"layers": [{"op": "softargmax", "beta": beta}]}
    jacobian = post("jacobians", network=soft, inputs=s, batched=False, pairs=[pair("y_hat", "x")])["jacobians"][
        "y_hat/x"
    ]
    assert_allclose(jacobian["value"], beta * (np.diag(p) - np.outer(p, p)), **EXACT)
    assert_allclose(post("forward", network=soft, inputs=s, batched=False)["outputs"], p, **EXACT)
    soft_max = {"layers": [{"op": "logsumexp", "beta": beta}]}
    reply = post("gradients", network=soft_max, inputs=s, batched=False, upstream=1.0, wrt=["x"])
    assert_allclose(reply["outputs"], np.log(np.exp(beta * s).sum()) / beta, **EXACT)
    assert_allclose(reply["gradients"]["x"], p, **EXACT)


def test_softargmax_goes_to_argmax_and_logsumexp_to_the_maximum(post: Post) -> None:
    s = [0.3, -1.0, 0.9, 0.2]
    soft = {"layers": [{"op": "softargmax", "beta": 1000}]}
    assert_allclose(post("forward", network=soft, inputs=s, batched=False)["outputs"], [0, 0, 1, 0], atol=1e-12)
    soft_max = {"layers": [{"op": "logsumexp", "beta": 1000}]}
    assert post("forward", network=soft_max, inputs=s, batched=False)["outputs"] == pytest.approx(0.9, abs=1e-12)


SCALARS: dict[str, Any] = {
    "nodes": [
        {"name": "xy", "op": "mul", "inputs": ["x", "y"]},
        {"name": "a", "op": "add", "inputs": ["xy", "z"]},
        {"name": "xx", "op": "add", "inputs": ["x", "x"]},
        {"name": "b", "op": "mul", "inputs": ["a", "xx"]},
        {"name": "ab", "op": "mul", "inputs": ["a", "b"]},
        {"name": "w", "op": "add", "inputs": ["ab", "b"]},
    ],
    "output": "w",
}


def test_the_scalar_graph_of_1_4b(post: Post) -> None:
    problem = {"network": SCALARS, "inputs": {"x": 2, "y": 3, "z": 1}, "batched": False}
    forward = post("forward", **problem, trace=True)
    values = {entry["node"]: entry["output"] for entry in forward["trace"]}
    assert (values["a"], values["b"], values["w"], forward["outputs"]) == (7, 28, 224, 224)
    reply = post("gradients", **problem, upstream=1, wrt=["x", "y", "z"])
    assert reply["gradients"] == {"x": 292, "y": 120, "z": 60}


def linear(name: str, taken: str, weight: str) -> dict[str, Any]:
    return {"name": name, "op": "linear", "inputs": [taken], "weight": weight}


@pytest.mark.parametrize("layout", ["torch", "numerator"])
def test_the_sum_of_two_linear_maps_1_4d(post: Post, layout: str, rng: np.random.Generator) -> None:
    first, second, x = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.normal(size=3)
    nodes = [linear("f", "x", "W1"), linear("g", "x", "W2"), {"name": "h", "op": "add", "inputs": ["f", "g"]}]
    network = {"parameters": {"W1": first, "W2": second}, "nodes": nodes, "output": "h"}
    pairs = [pair("f", "x"), pair("g", "x"), pair("h", "x")]
    found = post("jacobians", network=network, inputs=x, batched=False, pairs=pairs, layout=layout)["jacobians"]
    assert_allclose(found["f/x"]["value"], first, **EXACT)
    assert_allclose(found["g/x"]["value"], second, **EXACT)
    assert_allclose(found["h/x"]["value"], first + second, **EXACT)


def test_a_shared_weight_adds_up_1_4d(post: Post, rng: np.random.Generator) -> None:
    weight, x, upstream = rng.normal(size=(4, 3)), rng.normal(size=(6, 3)), rng.normal(size=(6, 4))
    nodes = [linear("f", "x", "W"), linear("g", "x", "W"), {"name": "h", "op": "add", "inputs": ["f", "g"]}]
    problem = {"network": {"parameters": {"W": weight}, "nodes": nodes, "output": "h"}, "inputs": x}
    jacobian = post("jacobians", **problem, pairs=[pair("h", "x")])["jacobians"]["h/x"]
    assert_allclose(jacobian["value"], np.broadcast_to(2 * weight, (6, 4, 3)), **EXACT)
    reply = post("gradients", **problem, upstream=upstream, wrt=["W", "x"])
    assert_allclose(reply["gradients"]["W"], 2 * upstream.T @ x, **EXACT)
    assert_allclose(reply["gradients"]["x"], 2 * upstream @ weight, **EXACT)


def test_the_composition_of_two_linear_maps_1_4e(post: Post, rng: np.random.Generator) -> None:
    first, second, x = rng.normal(size=(4, 3)), rng.normal(size=(5, 4)), rng.normal(size=3)
    nodes = [linear("f", "x", "W1"), linear("h", "f", "W2")]
    network = {"parameters": {"W1": first, "W2": second}, "nodes": nodes, "output": "h"}
    reply = post("jacobians", network=network, inputs=x, batched=False, pairs=[pair("h", "x")], layout="numerator")
    assert_allclose(reply["jacobians"]["h/x"]["value"], second @ first, **EXACT)


def test_a_weight_used_twice_in_a_row_gives_its_square_not_its_gram_matrix_1_4e(
    post: Post, rng: np.random.Generator
) -> None:
    weight, x, upstream = rng.normal(size=(4, 4)), rng.normal(size=(6, 4)), rng.normal(size=(6, 4))
    nodes = [linear("f", "x", "W"), linear("h", "f", "W")]
    problem = {"network": {"parameters": {"W": weight}, "nodes": nodes, "output": "h"}, "inputs": x}
    value = np.array(post("jacobians", **problem, pairs=[pair("h", "x")])["jacobians"]["h/x"]["value"])
    assert_allclose(value, np.broadcast_to(weight @ weight, (6, 4, 4)), **EXACT)
    assert not np.allclose(value[0], weight.T @ weight, rtol=0.1)
    shared = torch.tensor(weight, requires_grad=True)
    (torch.tensor(x) @ shared.T @ shared.T).backward(torch.tensor(upstream))
    reply = post("gradients", **problem, upstream=upstream)
    assert_allclose(reply["gradients"]["W"], shared.grad, **EXACT)
