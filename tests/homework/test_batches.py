"""HOMEWORK 2: the same net on a batch, at the public tests' sizes, and a class's logit followed to the image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from homework.net import Post

EXACT = {"rtol": 1e-10, "atol": 1e-12}
ACTIVATIONS: dict[str, Any] = {"relu": torch.relu, "sigmoid": torch.sigmoid, "identity": lambda s: s}
LOSSES: dict[str, Any] = {"mse": torch.nn.functional.mse_loss, "bce": torch.nn.functional.binary_cross_entropy}


def drawn(sizes: tuple[int, int, int, int], seed: int) -> dict[str, torch.Tensor]:
    n, a, k, batch = sizes
    g = torch.Generator().manual_seed(seed)
    shapes = {"W1": (a, n), "b1": (a,), "W2": (k, a), "b2": (k,), "x": (batch, n)}
    tensors = {name: torch.randn(shape, generator=g, dtype=torch.float64) for name, shape in shapes.items()}
    return tensors | {"y": torch.rand((batch, k), generator=g, dtype=torch.float64)}


CASES = [
    (f, g, loss)
    for f in ACTIVATIONS
    for g in ACTIVATIONS
    for loss in LOSSES
    if loss == "mse" or g == "sigmoid"  # BCE wants probabilities
]


@pytest.mark.parametrize("sizes", [(2, 20, 5, 10), (2, 20, 22, 10)], ids=str)
@pytest.mark.parametrize(("f", "g", "loss"), CASES)
def test_gradients_of_means_over_the_batch_2_1(
    post: Post, sizes: tuple[int, int, int, int], f: str, g: str, loss: str
) -> None:
    tensors = drawn(sizes, seed=len(f) + len(g))
    leaves = {name: tensors[name].requires_grad_() for name in ("W1", "b1", "W2", "b2")}
    a1 = ACTIVATIONS[f](tensors["x"] @ leaves["W1"].T + leaves["b1"])
    y_hat = ACTIVATIONS[g](a1 @ leaves["W2"].T + leaves["b2"])
    cost = LOSSES[loss](y_hat, tensors["y"])
    truth = torch.autograd.grad(cost, [*leaves.values(), y_hat])
    arrays = {name: tensor.detach().numpy() for name, tensor in tensors.items()}
    layers = [
        {"op": "linear", "weight": arrays["W1"], "bias": arrays["b1"]},
        {"op": f},
        {"op": "linear", "weight": arrays["W2"], "bias": arrays["b2"]},
        {"op": g},
    ]
    problem = {"network": {"layers": layers}, "inputs": arrays["x"], "targets": arrays["y"]}
    wrt = [*leaves, "y_hat"]
    for layout in ("torch", "numerator"):
        reply = post("gradients", **problem, loss={"op": loss, "reduction": "mean"}, wrt=wrt, layout=layout)
        assert_allclose(reply["outputs"], y_hat.detach(), **EXACT)
        assert reply["loss"] == pytest.approx(cost.item(), rel=1e-12)
        for name, expected in zip(wrt, truth, strict=True):
            found = np.array(reply["gradients"][name])
            laid = expected.numpy()
            if layout == "numerator":
                laid = laid.T if name[0] == "W" else laid[None] if name[0] == "b" else laid[:, None, :]
            assert found.shape == laid.shape
            assert_allclose(found, laid, **EXACT)


def test_one_classs_logit_with_respect_to_the_image_2_2(post: Post) -> None:
    rng = np.random.default_rng(22)
    image, w1, w2 = rng.normal(size=(3, 8, 8)), rng.normal(size=(16, 64)) / 8, rng.normal(size=(10, 16)) / 4
    layers = [
        {"op": "flatten"},
        {"op": "linear", "weight": w1},
        {"op": "tanh"},
        {"op": "linear", "weight": w2},
    ]
    upstream = np.zeros((3, 10))
    upstream[np.arange(3), [7, 0, 4]] = 1
    reply = post("gradients", network={"layers": layers}, inputs=image, upstream=upstream, wrt=["x"])
    x = torch.tensor(image, requires_grad=True)
    logits = torch.tanh(x.flatten(1) @ torch.tensor(w1).T) @ torch.tensor(w2).T
    (logits[0, 7] + logits[1, 0] + logits[2, 4]).backward()
    assert "loss" not in reply
    assert_allclose(reply["gradients"]["x"], x.grad, **EXACT)
