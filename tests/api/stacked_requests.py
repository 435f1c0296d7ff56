"""Requests of every kind that a batch computes together, each with numbers of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Tree = dict[str, Any]
RNG = np.random.default_rng(0)


def draw_anew() -> None:
    """From here on the same numbers as from the start."""
    global RNG
    RNG = np.random.default_rng(0)


def drawn(*shape: int) -> Any:
    return RNG.normal(size=shape).tolist()


def net(**more: Any) -> Tree:
    """Gradients of a small net, with numbers of its own."""
    layers = [
        {"op": "linear", "weight": drawn(3, 2), "bias": drawn(3)},
        {"op": "tanh"},
        {"op": "linear", "weight": drawn(2, 3), "bias": drawn(2)},
    ]
    return {"network": {"layers": layers}, "inputs": drawn(4, 2), "targets": drawn(4, 2), "loss": "mse", **more}


def probabilities(output: str = "sigmoid", **more: Any) -> Tree:
    layers = [{"op": "linear", "weight": drawn(3, 2)}, {"op": output}]
    targets = RNG.uniform(size=(4, 3)).tolist()
    return {"network": {"layers": layers}, "inputs": drawn(4, 2), "targets": targets, "loss": "bce", **more}


def classes(**more: Any) -> Tree:
    layers = [{"op": "linear", "weight": drawn(3, 2)}, {"op": "relu", "scale": 2}]
    loss = {"op": "cross_entropy", "class_weights": [1, 2, 0.5], "ignore_index": -1}
    targets = [2, 0, int(RNG.integers(-1, 3)), 1]
    return {"network": {"layers": layers}, "inputs": drawn(4, 2), "targets": targets, "loss": loss, **more}


def penalised(**more: Any) -> Tree:
    penalties = [
        {"op": "l2_penalty", "parameters": ["W1", "b1"], "scale": 0.5},
        {"op": "l1_penalty", "parameters": ["W2"]},
    ]
    return net(penalties=penalties, wrt="all", **more)


def one_example(**more: Any) -> Tree:
    layers = [{"op": "linear", "weight": drawn(3, 2)}, {"op": "prelu", "slope": 0.25}]
    return {
        "network": {"layers": layers},
        "inputs": drawn(2),
        "targets": drawn(3),
        "loss": "l1",
        "batched": False,
        **more,
    }


def upstream(**more: Any) -> Tree:
    nodes = [
        {"name": "t", "op": "tanh", "inputs": ["W"]},
        {"name": "f", "op": "linear", "inputs": ["x"], "weight": "t"},
        {"name": "g", "op": "linear", "inputs": ["x"], "weight": "W"},
        {"name": "h", "op": "mul", "inputs": ["f", "g"]},
    ]
    network = {"parameters": {"W": drawn(3, 2)}, "nodes": nodes, "output": "h"}
    return {"network": network, "inputs": drawn(4, 2), "upstream": drawn(4, 3), **more}


KINDS: dict[str, Callable[..., Tree]] = {
    "net": net,
    "numerator layout": lambda **more: net(layout="numerator", wrt=["W1", "a1", "x", "y_hat", "C", "b2"], **more),
    "probabilities": probabilities,
    "softargmax": lambda **more: probabilities("softargmax", **more),
    "classes": classes,
    "penalties": penalised,
    "one example": one_example,
    "upstream": upstream,
}
