"""The homework's net, with random numbers and sizes that tell its parts apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Post = Callable[..., dict[str, Any]]
"""Posts a problem to an endpoint and returns the reply."""

N_IN, HIDDEN, OUT = 3, 7, 5
"""Pairwise different, so that no transposition goes unseen."""


class Net:
    """Linear₁ → f → Linear₂ → g of the homework, with random numbers away from every kink."""

    def __init__(self, f: dict[str, Any], g: dict[str, Any], *, batch: int | None, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        lead = () if batch is None else (batch,)
        self.x: NDArray[Any] = rng.normal(size=(*lead, N_IN))
        self.y: NDArray[Any] = rng.uniform(0.1, 0.9, size=(*lead, OUT))
        self.W1: NDArray[Any] = rng.normal(size=(HIDDEN, N_IN))
        self.b1: NDArray[Any] = rng.normal(size=HIDDEN)
        self.W2: NDArray[Any] = rng.normal(size=(OUT, HIDDEN))
        self.b2: NDArray[Any] = rng.normal(size=OUT)
        self.f, self.g, self.batched = f, g, batch is not None

    @property
    def problem(self) -> dict[str, Any]:
        """Network, inputs and targets, as a request has them."""
        layers = [
            {"op": "linear", "weight": self.W1, "bias": self.b1},
            self.f,
            {"op": "linear", "weight": self.W2, "bias": self.b2},
            self.g,
        ]
        return {"network": {"layers": layers}, "inputs": self.x, "targets": self.y, "batched": self.batched}
