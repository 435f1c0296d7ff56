"""A class of submissions to one small problem, some of them wrong, some no answers at all."""

from __future__ import annotations

from typing import Any

PROBLEM: dict[str, Any] = {
    "network": {"layers": [{"op": "linear", "weight": [[2.0, -1.0]], "bias": [0.5]}]},
    "inputs": [[1.0, 2.0], [0.5, -1.0]],
    "targets": [[1.0], [0.0]],
    "loss": "squared_error",
}
RIGHT = {"loss": 6.5, "gradients": {"W1": [[1.5, -7.0]], "b1": [4.0]}}
WRONG = {"loss": 6.5, "gradients": {"W1": [[-1.5, 7.0]], "b1": [-4.0]}}
ODD: list[Any] = [
    {"loss": None},
    {"loss": float("nan")},
    {"gradients.W1": object(), "loss": 6.5},
    {"gradients": "none"},
]


def submission(number: int) -> dict[str, Any]:
    answers = ODD[number // 10 % 4] if number % 10 == 0 else WRONG if number % 3 == 0 else RIGHT
    return {"id": f"student-{number}", "answers": answers}


def submissions(count: int) -> list[dict[str, Any]]:
    return [submission(number) for number in range(count)]
