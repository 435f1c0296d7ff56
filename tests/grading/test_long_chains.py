"""Answers to networks of hundreds of steps, one after another."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from chainrule.operations import Calls, Limits, Refused, run

LAYERS = 300
MIDDLE = f"identity{LAYERS // 2}"
PROBLEM: dict[str, Any] = {
    "network": {"layers": [{"op": "identity"}] * LAYERS},
    "inputs": [[1.0, 3.0]],
    "targets": [[0.0, 1.0]],
    "loss": "squared_error",
    "backend": "numpy",
}
RIGHT = [[2.0, 4.0]]
WRONG = [[-2.0, -4.0]]


def marked(answers: dict[str, Any]) -> dict[str, str]:
    report = run("grade", {**PROBLEM, "answers": answers})
    return {item["quantity"]: item["status"] for item in report["items"]}


def test_what_follows_from_a_slip_far_behind_is_right_given_that() -> None:
    assert marked({"gradients": {"y_hat": RIGHT, MIDDLE: WRONG, "x": WRONG}}) == {
        "gradients.y_hat": "correct",
        f"gradients.{MIDDLE}": "wrong",
        "gradients.x": "correct_given_own_work",
    }


def test_what_follows_from_a_wrong_value_far_ahead_is_right_given_that() -> None:
    doubled = [[2.0, 6.0]]
    assert marked({"values": {MIDDLE: doubled}, "outputs": doubled, "gradients": {"x": [[4.0, 10.0]]}}) == {
        f"values.{MIDDLE}": "wrong",
        "outputs": "correct_given_own_work",
        "gradients.x": "correct_given_own_work",
    }


def test_a_mistake_is_looked_for_in_all_of_them() -> None:
    assert marked({"gradients": {"x": [[5.0, 7.0]]}}) == {"gradients.x": "wrong"}


def test_what_is_tried_of_them_is_bounded_in_memory() -> None:
    network = {"layers": [{"op": "tanh"}] * LAYERS}
    tracemalloc.start()
    try:
        run("grade", {**PROBLEM, "network": network, "answers": {"loss": 1.5}})
        assert tracemalloc.get_traced_memory()[1] < 80 << 20
    finally:
        tracemalloc.stop()


def test_one_of_which_to_know_what_depends_on_what_takes_too_much_is_refused() -> None:
    network = {"layers": [{"op": "identity"}] * 3_000}
    with pytest.raises(Refused, match="bytes of memory"):
        Calls(Limits(memory=192 << 20)).take("grade", {**PROBLEM, "network": network, "answers": {"loss": 5}})
