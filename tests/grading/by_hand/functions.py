"""Activations by name, with the way back through each, a batch as rows, in the precision that they are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

RELU_SCALE = 3.0
ELEMENTWISE = ("relu3", "tanh", "sigmoid", "identity")
NAMES = (*ELEMENTWISE, "softargmax")


def relu(s: Array) -> Array:
    return np.maximum(s, 0)


def sigmoid(s: Array) -> Array:
    return 1 / (1 + np.exp(-s))


def softargmax(s: Array) -> Array:
    powers = np.exp(s - s.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


FORWARD: dict[str, Callable[[Array], Array]] = {
    "relu": relu,
    "relu3": lambda s: RELU_SCALE * relu(s),
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "identity": lambda s: s,
    "softargmax": softargmax,
}

DERIVATIVE: dict[str, Callable[[Array], Array]] = {
    "relu": lambda s: (s > 0).astype(s.dtype),
    "relu3": lambda s: RELU_SCALE * (s > 0).astype(s.dtype),
    "tanh": lambda s: 1 - np.tanh(s) ** 2,
    "sigmoid": lambda s: sigmoid(s) * (1 - sigmoid(s)),
    "identity": lambda s: np.ones_like(s),
}
"""f'(s) of the functions that act on each element alone."""

IN_THE_OUTPUT: dict[str, Callable[[Array], Array]] = {
    "relu": lambda a: (a > 0).astype(a.dtype),
    "relu3": lambda a: RELU_SCALE * (a > 0).astype(a.dtype),
    "tanh": lambda a: 1 - a**2,
    "sigmoid": lambda a: a * (1 - a),
    "identity": lambda a: np.ones_like(a),
}
"""The same derivatives as formulas in a = f(s)."""


def back(name: str, s: Array, g: Array) -> Array:
    """∂C/∂s of ∂C/∂a."""
    if name == "softargmax":
        return back_through_probabilities(softargmax(s), g)
    return g * DERIVATIVE[name](s)


def back_through_probabilities(p: Array, g: Array) -> Array:
    """The product of each row with its Jacobian, diag p − p pᵀ, element by element."""
    jacobians = p[:, :, None] * (np.eye(p.shape[1], dtype=p.dtype) - p[:, None, :])
    return np.einsum("ni,nij->nj", g, jacobians)
