"""Requests that tests of the API start from."""

from __future__ import annotations

import json
from typing import Any

LINEAR: dict[str, Any] = {"op": "linear", "weight": [[1.0, 2.0]], "bias": [0.5]}

SOUND: dict[str, Any] = {
    "network": {"layers": [LINEAR]},
    "inputs": [[1.0, -1.0], [0.5, 2.0]],
    "targets": [[1.0], [0.0]],
    "loss": "mse",
}
"""Its outputs are -0.5 and 5."""

FORWARD = {name: SOUND[name] for name in ("network", "inputs")}
OUTPUTS = [[-0.5], [5.0]]


def padded(body: dict[str, Any], length: int) -> bytes:
    """The body as JSON of exactly `length` bytes."""
    return json.dumps(body).encode().ljust(length)


def endless(layers: int = 8_000, width: int = 2_000) -> bytes:
    """A sound request in which every layer takes some tens of milliseconds: minutes in all."""
    parameters = {"V": {"shape": [width, 2]}, "W": {"shape": [width, width], "scale": width**-0.5}}
    chain = [{"op": "linear", "weight": "V"}, *[{"op": "linear", "weight": "W"}] * layers, {"op": "mean"}]
    return json.dumps({"network": {"parameters": parameters, "layers": chain}, "inputs": [[0.5, 1.0]] * 100}).encode()


UNLIMITED = {"max_flops": 10**18, "max_memory_bytes": 10**15}
"""Settings under which `endless` is taken."""
