"""Every operation stops between two nodes once it is told to: wherever in its work that comes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from chainrule.engine.trace import Cancelled
from chainrule.operations import INSTANCES, OPERATIONS, Calls
from chainrule.operations.calls import Ready

RNG = np.random.default_rng(3)
W1, W2 = RNG.normal(size=(4, 3)), RNG.normal(size=(2, 4))
PROBLEM: dict[str, Any] = {
    "network": {"layers": [{"op": "linear", "weight": W1}, {"op": "tanh"}, {"op": "linear", "weight": W2}]},
    "inputs": RNG.normal(size=(5, 3)),
    "targets": RNG.normal(size=(5, 2)),
    "loss": "mse",
    "backend": "numpy",
}
STEPS = 4
"""Nodes of the network, and its loss."""
ASKED: Mapping[str, tuple[dict[str, Any], int]] = {
    "forward": ({}, STEPS - 1),
    "loss": ({}, STEPS),
    "gradients": ({"verify": True, "steps": True, "per_example": True}, 5 * STEPS),
    "jacobians": ({"pairs": [{"of": "y_hat", "wrt": "x"}, {"of": "a1", "wrt": "W1"}]}, STEPS + 2),
    "train": ({"steps": 20, "learning_rate": 0.1}, 20 * STEPS),
    "flow": ({"alternatives": ["relu", "sigmoid"]}, 3 * STEPS),
    "graph": ({"values": True, "gradients": True}, STEPS),
    "derivation": ({}, STEPS),
    "grade": (
        {"answers": {"outputs": RNG.normal(size=(5, 2)), "gradients": {"W1": np.ones((4, 3)), "W2": -np.ones((2, 4))}}},
        STEPS + 3,
    ),
}
"""What each is asked for, and how often at least it looks whether it is to stop."""
COMPUTES_NOTHING = {"validate"}


class Countdown:
    """Says that the work is to stop at the n-th time that it is asked; -1 for never."""

    def __init__(self, left: int = -1) -> None:
        self.left, self.asked = left, 0

    def __call__(self) -> bool:
        self.asked += 1
        return self.asked == self.left


def ready(name: str) -> Ready:
    return Calls().take(name, {**PROBLEM, **ASKED[name][0]})


def test_no_operation_is_missing() -> None:
    assert set(ASKED) == set(OPERATIONS) - COMPUTES_NOTHING


@pytest.mark.parametrize("name", ASKED)
def test_it_stops_whenever_it_is_told_to(name: str) -> None:
    whole = Countdown()
    ready(name).run(whole)
    assert whole.asked >= ASKED[name][1]
    for left in {1, 2, whole.asked // 2, whole.asked}:
        told = Countdown(left)
        with pytest.raises(Cancelled):
            ready(name).run(told)
        assert told.asked == left, "nothing more is done"


def test_drawing_stops_too() -> None:
    drawing = Calls().draw({"problem": "nyu-hw1/1.2b", "seed": 7})
    with pytest.raises(Cancelled):
        drawing.run(Countdown(1))
    assert INSTANCES not in ASKED
