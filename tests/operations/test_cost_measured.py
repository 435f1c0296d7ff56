"""What a request is thought to cost, against what it is measured to take: memory never more, time in proportion."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from chainrule.api import pace
from chainrule.operations import Calls, Limits
from chainrule.operations.calls import Ready
from chainrule.schemas.encoding import encode
from stopwatch import Stopwatch

RNG = np.random.default_rng(5)
SMALL_CHANGE = 1 << 20
"""Bytes of plans, records and text that are not counted: they do not grow with the arrays."""
OFF = 8.0
"""How far the seconds may be off, either way, from what they would be at the speed of the machine."""


def net(*sizes: int, n: int, **fields: Any) -> dict[str, Any]:
    """tanh networks of those widths on n examples."""
    parameters = {f"V{i}": RNG.normal(size=pair) * 0.1 for i, pair in enumerate(zip(sizes[1:], sizes, strict=False))}
    layers = [layer for name in parameters for layer in ({"op": "linear", "weight": name}, {"op": "tanh"})]
    network = {"parameters": parameters, "layers": layers}
    return {"network": network, "inputs": RNG.normal(size=(n, sizes[0])), "backend": "numpy", **fields}


def fitted(*sizes: int, n: int, **fields: Any) -> dict[str, Any]:
    """The same with a loss."""
    return net(*sizes, n=n, targets=RNG.normal(size=(n, sizes[-1])), loss="mse", **fields)


def elementwise(*ops: str) -> dict[str, Any]:
    layers = [{"op": op} for op in (*ops, "mean")]
    return {"network": {"layers": layers}, "inputs": RNG.normal(size=(200, 1_000)), "backend": "numpy"}


def drawn(*shape: int) -> dict[str, Any]:
    parameters = {"W": {"shape": [*shape], "init": "normal", "seed": 1}}
    network = {"parameters": parameters, "layers": [{"op": "linear", "weight": "W"}, {"op": "mean"}]}
    return {"network": network, "inputs": RNG.normal(size=(2, shape[1])), "backend": "numpy"}


CASES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "forward": ("forward", net(256, 512, 256, n=256)),
    "forward, traced": ("forward", net(256, 512, 256, n=256, trace=True)),
    "elementwise": ("forward", elementwise("tanh", "relu", "sigmoid", "softplus", "gelu", "square")),
    "along axes": ("forward", elementwise("softargmax", "log_softargmax", "logsumexp", "tanh")),
    "drawn": ("forward", drawn(600, 500)),
    "loss": ("loss", fitted(256, 512, 256, n=256, per_example=True)),
    "gradients": ("gradients", fitted(256, 512, 256, n=256)),
    "gradients of everything": ("gradients", fitted(256, 512, 256, n=256, wrt="all")),
    "gradients of a chain": ("gradients", fitted(*[8] * 500, n=8, wrt=["x"])),
    "gradients, many examples": ("gradients", fitted(64, 32, 8, n=8_000)),
    "per example": ("gradients", fitted(64, 128, 16, n=64, per_example=True)),
    "steps": ("gradients", fitted(32, 64, 32, n=32, steps=True)),
    "verified": ("gradients", fitted(256, 256, 64, n=128, verify=True)),
    "jacobians, dense": ("jacobians", net(64, 128, 16, n=64, pairs=[{"of": "y_hat", "wrt": "V0"}])),
    "jacobians, of inputs": ("jacobians", net(128, 128, 128, n=64, pairs=[{"of": "y_hat", "wrt": "x"}])),
    "jacobians, structured": (
        "jacobians",
        net(128, 256, 64, n=64, form="structured", pairs=[{"of": "s1", "wrt": "V0"}, {"of": "a1", "wrt": "s1"}]),
    ),
    "training": ("train", fitted(64, 128, 32, n=64, steps=50, learning_rate=0.1, record=10)),
    "training with adam": (
        "train",
        fitted(64, 128, 32, n=64, steps=30, learning_rate=0.1, record=0, optimizer={"name": "adam"}),
    ),
    "flow": ("flow", fitted(128, 256, 64, n=256, alternatives=["relu", "sigmoid"])),
    "graph": ("graph", fitted(128, 256, 64, n=256, values=True, gradients=True)),
    "grading, of a large problem": (
        "grade",
        fitted(64, 256, 16, n=512, answers={"gradients": {"V0": np.ones((256, 64)), "V1": np.ones((16, 256))}}),
    ),
    "grading": (
        "grade",
        fitted(64, 128, 16, n=64, answers={"outputs": np.zeros((64, 16)), "gradients": {"V0": np.ones((128, 64))}}),
    ),
}

AS_IF_DENSE = {"steps", "jacobians, structured"}
"""Their local Jacobians count as if every entry were written out, which takes longer than what they hold."""


def ready(name: str) -> Ready:
    operation, request = CASES[name]
    return Calls(Limits(10**15, 10**12, 10**9, 10**9)).take(operation, request)


@pytest.mark.parametrize("name", CASES)
def test_no_more_memory_is_held_than_is_said(name: str) -> None:
    call = ready(name)
    call.run()  # so that what is made once and kept is not counted
    call = ready(name)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        call.run()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before <= call.cost.bytes(8) + SMALL_CHANGE


def test_the_seconds_are_right_to_a_factor_and_the_speed_of_the_machine() -> None:
    """How fast the machine is, nothing here says: there is a speed for which every estimate is right to the factor.

    Requests are told apart by it, and the pace of a service makes up for the speed, within bounds of its own.
    """
    slower = {name: _slower(name) for name in CASES if name not in AS_IF_DENSE}
    assert max(slower.values()) <= OFF**2 * min(slower.values()), slower
    least, most = pace.OFF
    assert least <= min(slower.values())
    assert max(slower.values()) <= most


def _slower(name: str) -> float:
    """What a request takes at the least, over what it is thought to take."""
    call = ready(name)
    encode(call.run())
    return min(_seconds(call) for _ in range(4)) / call.cost.seconds


def _seconds(call: Ready) -> float:
    with Stopwatch() as watch:
        encode(call.run())
    return watch.seconds
