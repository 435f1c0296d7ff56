"""Requests of a chosen amount of computing, each of its own number, with replies that a few lines of scalars check.

x is copied `width` times, goes through tanh `depth` times, and the mean is taken. So y_hat is tanh applied `depth`
times to x, and its derivative the product of 1 - tanh² along the way, whatever the width.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import isclose, tanh

import orjson


@dataclass(frozen=True)
class Work:
    """Requests alike but for their number. `spelled_out`: the copies are in the body, not made by the service."""

    width: int
    depth: int
    spelled_out: bool = False

    path = "/v1/gradients"

    def body(self, x: float) -> bytes:
        layers: list[dict[str, object]] = [{"op": "tanh"}] * self.depth + [{"op": "mean"}]
        if not self.spelled_out:
            layers.insert(0, {"op": "broadcast", "shape": [self.width]})
        request = {"network": {"layers": layers}, "inputs": "HERE", "upstream": [1.0], "wrt": ["x"], "backend": "numpy"}
        numbers = ",".join([repr(x)] * (self.width if self.spelled_out else 1))
        return json.dumps(request).replace('"HERE"', f"[[{numbers}]]").encode()

    def is_right(self, x: float, reply: bytes) -> bool:
        """Whether the reply is the one to this number."""
        found = orjson.loads(reply)
        y, slope = x, 1.0
        for _ in range(self.depth):
            y = tanh(y)
            slope *= 1.0 - y * y
        copies = self.width if self.spelled_out else 1
        gradient = found["gradients"]["x"][0]
        return (
            isclose(found["outputs"][0], y, rel_tol=1e-9)
            and len(gradient) == copies
            and all(isclose(each, slope / copies, rel_tol=1e-9) for each in {*gradient})
        )
