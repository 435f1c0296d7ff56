"""Requests of the kinds that a GPU is tried on, and the same on NumPy in double precision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.testing import assert_allclose

from chainrule.operations import run

CLOSE = {"float64": 1e-12, "float32": 1e-5}
"""Of the largest number of an array."""
SIZES = (16, 64, 256, 1024)
"""Of requests that are timed: none is over a limit that a service has by default."""


def problem(seed: int = 0, hidden: int = 7, n: int = 3, out: int = 5, batch: int = 6) -> dict[str, Any]:
    """Linear → tanh → Linear → softargmax with the mean squared error, its numbers from `seed`."""
    rng = np.random.default_rng(seed)
    layers = [
        {"op": "linear", "weight": rng.normal(size=(hidden, n)) / n**0.5, "bias": rng.normal(size=hidden)},
        {"op": "tanh"},
        {"op": "linear", "weight": rng.normal(size=(out, hidden)) / hidden**0.5, "bias": rng.normal(size=out)},
        {"op": "softargmax"},
    ]
    inputs, targets = rng.normal(size=(batch, n)), rng.uniform(size=(batch, out))
    return {"network": {"layers": layers}, "inputs": inputs, "targets": targets, "loss": "mse", "backend": "torch"}


def square(size: int) -> dict[str, Any]:
    """A request of which every axis has so many entries."""
    return problem(0, hidden=size, n=size, out=size, batch=size)


def on_numpy(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """What the operation returns on NumPy in double precision."""
    return run(operation, {**request, "backend": "numpy", "device": "cpu", "dtype": "float64"})


def check(found: Mapping[str, Any], wanted: Mapping[str, Any], dtype: str = "float64") -> None:
    """Outputs, loss and gradients are those of `wanted`. Raises AssertionError."""
    pairs = [(found[key], wanted[key]) for key in ("outputs", "loss")]
    assert found["gradients"].keys() == wanted["gradients"].keys()
    pairs += [(found["gradients"][name], wanted["gradients"][name]) for name in wanted["gradients"]]
    for ours, theirs in pairs:
        assert_allclose(ours, theirs, rtol=0, atol=CLOSE[dtype] * np.abs(theirs).max())
