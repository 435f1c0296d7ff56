"""Requests whose right answers are known in closed form: ‖X Wᵀ + b - Y‖², its gradients, and descent along them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Regression:
    """One problem, its numbers drawn from `seed`."""

    seed: int
    rows: int = 7
    features: int = 3

    def request(self) -> dict[str, Any]:
        x, y, weight, bias = self._drawn()
        return {
            "network": {"layers": [{"op": "linear", "weight": weight.tolist(), "bias": bias.tolist()}]},
            "inputs": x.tolist(),
            "targets": y.tolist(),
            "loss": {"op": "squared_error", "reduction": "sum"},
        }

    def body(self) -> bytes:
        return json.dumps(self.request()).encode()

    def training(self, steps: int) -> dict[str, Any]:
        return {**self.request(), "steps": steps, "learning_rate": self._rate(), "record": 0}

    def is_answered_by(self, reply: Mapping[str, Any]) -> bool:
        """Whether a reply of `gradients` is right, to the last few bits."""
        x, y, weight, bias = self._drawn()
        error = x @ weight.T + bias - y
        expected = {"W1": 2 * error.T @ x, "b1": 2 * error.sum(axis=0)}
        found = reply["gradients"]
        return bool(np.isclose(reply["loss"], np.sum(error**2), rtol=1e-10)) and all(
            np.allclose(found[name], value, rtol=1e-9, atol=1e-9) for name, value in expected.items()
        )

    def is_trained_by(self, reply: Mapping[str, Any], steps: int) -> bool:
        """Whether a reply of `train` has come down the same way."""
        x, y, weight, bias = self._drawn()
        losses = []
        for _ in range(steps):
            error = x @ weight.T + bias - y
            losses.append(np.sum(error**2))
            weight = weight - self._rate() * 2 * error.T @ x
            bias = bias - self._rate() * 2 * error.sum(axis=0)
        return bool(np.allclose(reply["losses"], losses, rtol=1e-7))

    def _rate(self) -> float:
        return 0.01 / self.rows

    def _drawn(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        draw = np.random.default_rng(self.seed)
        x, y = draw.normal(size=(self.rows, self.features)), draw.normal(size=(self.rows, 2))
        return x, y, draw.normal(size=(2, self.features)), draw.normal(size=2)
