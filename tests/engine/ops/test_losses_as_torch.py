"""Losses have torch's values and gradients, for every reduction, where torch has the same loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from chainrule.engine.backends import choose
from chainrule.engine.op import Point
from chainrule.engine.registry import find

K, N = 5, 7
WEIGHTS = (0.5, 2.0, 1.0, 0.25, 3.0)
UPSTREAM = -1.7
"""The cotangent of a loss that is one number."""


@dataclass(frozen=True)
class Pair:
    """A loss of ours and torch's, which takes prediction, target and reduction; classes are on axis 1 in torch."""

    name: str
    options: dict[str, Any]
    torch: Callable[..., torch.Tensor]
    prediction: str = "real"
    target: str = "real"
    reductions: tuple[str, ...] = ("none", "sum", "mean")


def weights() -> torch.Tensor:
    return torch.tensor(WEIGHTS, dtype=torch.float64)


def pairs() -> dict[str, Pair]:
    f = functional
    classes = {"class indices": "class", "probabilities": "simplex"}
    found = {
        "mse": Pair("mse", {}, f.mse_loss),
        "squared_error": Pair("squared_error", {}, f.mse_loss),
        "l1": Pair("l1", {}, f.l1_loss),
        "huber": Pair("huber", {}, f.huber_loss),
        "huber, delta": Pair("huber", {"delta": 0.3}, lambda *a, **k: f.huber_loss(*a, delta=0.3, **k)),
        "smooth_l1": Pair("smooth_l1", {}, f.smooth_l1_loss),
        "smooth_l1, beta": Pair("smooth_l1", {"beta": 0.3}, lambda *a, **k: f.smooth_l1_loss(*a, beta=0.3, **k)),
        "bce": Pair("bce", {}, f.binary_cross_entropy, "probability", "probability"),
        "bce, hard targets": Pair("bce", {}, f.binary_cross_entropy, "probability", "bit"),
        "bce, clamped": Pair("bce", {"clamp": "torch"}, f.binary_cross_entropy, "saturated", "bit"),
        "bce_logits": Pair("bce_logits", {}, f.binary_cross_entropy_with_logits, "real", "probability"),
        "kl_div": Pair("kl_div", {}, f.kl_div, "log_simplex", "simplex", ("none", "sum", "mean", "batchmean")),
        "kl_div, zeros": Pair("kl_div", {}, f.kl_div, "log_simplex", "one_hot", ("none", "sum", "mean", "batchmean")),
        "nll": Pair("nll", {}, f.nll_loss, "log_simplex", "class"),
        "nll, weighted": Pair(
            "nll",
            {"class_weights": WEIGHTS, "ignore_index": 2},
            lambda *a, **k: f.nll_loss(*a, weight=weights(), ignore_index=2, **k),
            "log_simplex",
            "class",
        ),
        "cross_entropy, ignoring": Pair(
            "cross_entropy",
            {"class_weights": WEIGHTS, "ignore_index": 2, "label_smoothing": 0.3},
            lambda *a, **k: f.cross_entropy(*a, weight=weights(), ignore_index=2, label_smoothing=0.3, **k),
            "real",
            "class",
        ),
        "cross_entropy, ignoring what is no class": Pair(
            "cross_entropy", {"ignore_index": -100}, f.cross_entropy, "real", "class or -100"
        ),
    }
    for kind, target in classes.items():
        found |= {
            f"cross_entropy, {kind}": Pair("cross_entropy", {}, f.cross_entropy, "real", target),
            f"cross_entropy, {kind}, weighted": Pair(
                "cross_entropy",
                {"class_weights": WEIGHTS},
                lambda *a, **k: f.cross_entropy(*a, weight=weights(), **k),
                "real",
                target,
            ),
            f"cross_entropy, {kind}, smoothed": Pair(
                "cross_entropy",
                {"class_weights": WEIGHTS, "label_smoothing": 0.2},
                lambda *a, **k: f.cross_entropy(*a, weight=weights(), label_smoothing=0.2, **k),
                "real",
                target,
            ),
        }
    for p in (1, 2):
        found[f"multiclass_hinge, p = {p}"] = Pair(
            "multiclass_hinge",
            {"p": p, "margin": 0.8},
            lambda *a, p=p, **k: f.multi_margin_loss(*a, p=p, margin=0.8, **k),
            "real",
            "class",
        )
    return found


def draw(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Values of a kind; `shape` ends in the K classes, which class indices do not have."""
    match kind:
        case "real":
            return rng.normal(0, 2, shape)
        case "probability":
            return rng.uniform(0.01, 0.99, shape)
        case "saturated":
            return rng.choice([0.0, 1e-60, 1e-14, 0.3, 1 - 1e-14, 1.0], shape)
        case "bit":
            return rng.integers(0, 2, shape).astype(np.float64)
        case "simplex":
            return rng.dirichlet(np.ones(shape[-1]), shape[:-1])
        case "log_simplex":
            return np.log(rng.dirichlet(np.ones(shape[-1]), shape[:-1]))
        case "one_hot":
            return np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]
        case "class":
            return rng.integers(0, shape[-1], shape[:-1])
        case "class or -100":
            return rng.choice([-100, *range(shape[-1])], shape[:-1])
    raise ValueError(kind)


def ours(xp, op, prediction, target, cotangent):
    """The value, and the prediction's cotangent."""
    inputs = (xp.asarray(prediction), xp.asarray(target))
    output, saved = op.forward(xp, *inputs)
    if cotangent is None:
        cotangent = UPSTREAM
    seed = cotangent if isinstance(cotangent, float) else xp.asarray(cotangent)
    into, into_target = op.vjp(xp, seed, Point(inputs, output, saved), (True, False))
    assert into_target is None
    return xp.to_numpy(output), xp.to_numpy(into)


def theirs(function, prediction, target, reduction, cotangent, *, classes_last):
    """The same by torch's autograd; torch has the classes on axis 1."""
    moved = torch.tensor(prediction, requires_grad=True)
    wanted = torch.as_tensor(target)
    first = moved.movedim(-1, 1) if classes_last else moved
    second = wanted.movedim(-1, 1) if classes_last and wanted.ndim == moved.ndim else wanted
    value = function(first, second, reduction=reduction)
    value.backward(torch.tensor(UPSTREAM, dtype=torch.float64) if cotangent is None else torch.tensor(cotangent))
    return value.detach().numpy(), moved.grad.numpy()


def cases():
    """torch's multi_margin_loss takes rows alone; the others take rows of rows."""
    for name, pair in pairs().items():
        for reduction in pair.reductions:
            for shape in ((N, K),) if pair.name == "multiclass_hinge" else ((N, K), (N, 2, K)):
                yield pytest.param(pair, reduction, shape, id=f"{name}, {reduction}, {len(shape)} axes")


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning")
@pytest.mark.parametrize(("pair", "reduction", "shape"), list(cases()))
def test_value_and_gradient_are_torchs(xp, pair, reduction, shape):
    op = find(pair.name)(reduction=reduction, **pair.options)
    rng = np.random.default_rng(3)
    prediction, target = draw(pair.prediction, shape, rng), draw(pair.target, shape, rng)
    cotangent = None
    if reduction == "none":
        cotangent = rng.standard_normal((N, *op.shape(prediction.shape[1:], target.shape[1:])))
    with np.errstate(divide="ignore"):
        value, gradient = ours(xp, op, prediction, target, cotangent)
    wanted = theirs(pair.torch, prediction, target, reduction, cotangent, classes_last=op.rowwise)
    np.testing.assert_allclose(value, wanted[0], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(gradient, wanted[1], rtol=1e-12, atol=1e-12 * np.abs(wanted[1]).max())


@pytest.mark.parametrize("name", ["mse", "cross_entropy", "bce_logits"])
def test_one_precision_goes_in_and_comes_out(name):
    prediction = np.random.default_rng(0).normal(size=(N, K))
    target = np.arange(N) % K if name == "cross_entropy" else np.ones((N, K), dtype=np.int64)
    for backend in ("numpy", "torch"):
        for weights in ({}, {"class_weights": WEIGHTS, "ignore_index": 1}) if name == "cross_entropy" else ({},):
            value, gradient = ours(choose(backend, "cpu", "float32"), find(name)(**weights), prediction, target, None)
            assert (value.dtype, gradient.dtype) == (np.float32, np.float32)


def test_batchmean_divides_by_the_examples_alone(xp):
    rng = np.random.default_rng(4)
    prediction, target = rng.normal(size=(N, 3, K)), rng.normal(size=(N, 3, K))
    by_sum = ours(xp, find("mse")(reduction="sum", scale=0.5), prediction, target, None)
    by_batch = ours(xp, find("mse")(reduction="batchmean", scale=0.5), prediction, target, None)
    for whole, part in zip(by_sum, by_batch, strict=True):
        np.testing.assert_allclose(part, whole / N, rtol=1e-14)


@pytest.mark.parametrize("name", ["squared_error", "bce_logits", "cross_entropy", "multiclass_hinge"])
@pytest.mark.parametrize("reduction", ["sum", "mean", "batchmean"])
def test_the_shares_of_the_examples_sum_to_the_loss(xp, name, reduction):
    rng = np.random.default_rng(5)
    op = find(name)(reduction=reduction, scale=3.0)
    target = rng.integers(0, K, (N, 2)) if op.rowwise else rng.uniform(size=(N, 2, K))
    inputs = (xp.asarray(rng.normal(size=(N, 2, K))), xp.asarray(target))
    output, saved = op.forward(xp, *inputs)
    shares = xp.to_numpy(op.per_example(xp, Point(inputs, output, saved)))
    assert shares.shape == (N,)
    np.testing.assert_allclose(shares.sum(), xp.to_numpy(output), rtol=1e-13)
