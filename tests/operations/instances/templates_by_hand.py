"""Templates that the tests share, and the documented recipe for their numbers, in Python integers."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from chainrule.schemas.templates import Template


def grid(*shape: str | int, **fields: Any) -> dict[str, Any]:
    """A grid of eighths within ±1.5."""
    return {"shape": list(shape), "low": -1.5, "high": 1.5, "step": 0.125, **fields}


def two_layers(sizes: Any, f: Any = None, g: Any = None, *, batched: bool = True, **fields: Any) -> dict[str, Any]:
    """Linear, f, linear, g and a squared error."""
    lead = ["N"] if batched else []
    layers = [
        {"op": "linear", "weight": grid("a", "n", nonzero=True), "bias": grid("a")},
        f or {"op": "relu"},
        {"op": "linear", "weight": grid("K", "a", nonzero=True), "bias": grid("K")},
        g or {"op": "identity"},
    ]
    problem = {"network": {"layers": layers}, "inputs": grid(*lead, "n"), "targets": grid(*lead, "K")}
    return {**problem, "loss": "squared_error", "batched": batched, "sizes": sizes, **fields}


def template(tree: dict[str, Any]) -> Template:
    return Template.model_validate(tree)


def below_by_hand(n: int, count: int, seed: int, attempt: int, place: str) -> list[int]:
    """Whole numbers below n of a place's stream."""
    digest = hashlib.sha256(f"chainrule stream 1\n{seed}\n{attempt}\n{place}".encode()).digest()
    generator = np.random.Philox(key=int.from_bytes(digest[:16], "little"))
    words = generator.random_raw((count + 1) // 2).tolist()
    halves = [half for word in words for half in (word % 2**32, word >> 32)]
    return [half * n >> 32 for half in halves[:count]]
