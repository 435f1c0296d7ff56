"""Draws the pictures of the documentation, docs/pictures/*.svg: `make pictures`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from chainrule_client import Layer, Network, draw, linear, local, tanh

FOLDER = Path(__file__).with_name("pictures")


def curves() -> str:
    """Homework 1.4c: ReLU, leaky ReLU, softplus and GELU with their derivatives."""
    return local.plot("relu", {"op": "leaky_relu", "slope": 0.1}, "softplus", "gelu")


def flow() -> str:
    """Homework 1.3c: ten layers with tanh, and with other activations."""
    rng = np.random.default_rng(0)
    inputs, targets = rng.normal(size=(64, 20)), rng.normal(size=(64, 3))
    picture: str = local.flow(deep(), inputs, targets, "mse", ["tanh", "relu", "sigmoid"], format="svg").svg
    return picture


def deep() -> Network:
    """That of docs/flow.md."""
    layers: list[Layer] = []
    for number in range(10):
        weight = draw([20, 20], scale=0.1**0.5, seed=number)
        layers += [linear(weight, draw([20], seed=100 + number)), tanh()]
    return Network.layers(*layers, linear(draw([3, 20], scale=0.1**0.5, seed=99), name="out"))


SCALARS = [("xy", "mul", "x y"), ("a", "add", "xy z"), ("xx", "add", "x x"), ("b", "mul", "a xx"), ("ab", "mul", "a b"),
           ("w", "add", "ab b")]  # fmt: skip


def graph() -> str:
    """Homework 1.4b: a = xy + z, b = a(x + x), w = ab + b, with values and gradients."""
    nodes = [{"name": name, "op": op, "inputs": inputs.split()} for name, op, inputs in SCALARS]
    network = {"nodes": nodes, "output": "w"}
    at = {"x": 2.0, "y": 3.0, "z": 1.0}
    how = {"batched": False, "upstream": 1.0, "values": True, "gradients": True}
    picture: str = local.call("graph", {"network": network, "inputs": at, **how, "format": "svg"}).svg
    return picture


PICTURES: dict[str, Callable[[], str]] = {"curves.svg": curves, "flow.svg": flow, "graph.svg": graph}
"""By file."""

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, drawn in PICTURES.items():
        (FOLDER / name).write_text(drawn(), encoding="utf-8")
