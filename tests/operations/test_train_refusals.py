"""`train`: what is refused, and what it costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule.operations import Calls, Limits, Refused, run
from operations.test_train import OUT, N, problem


@pytest.mark.parametrize(
    ("change", "pointer", "words"),
    [
        ({"steps": 0}, "/steps", "at least 1"),
        ({"learning_rate": -1}, "/learning_rate", "at least 0"),
        ({"learning_rate": float("inf")}, "/learning_rate", "finite"),
        ({"wrt": "all"}, "/wrt", 'wants "parameters"'),
        ({"wrt": ["a1"]}, "/wrt/0", "worked out by a node"),
        ({"wrt": ["W1", "W1"]}, "/wrt/1", "named twice"),
        ({"wrt": ["y"]}, "/wrt/0", "targets"),
        ({"wrt": []}, "/wrt", "nothing moves"),
        ({"optimizer": "adagrad"}, "/optimizer", 'write "sgd", "adam"'),
        ({"optimizer": 3}, "/optimizer", "a name or an object"),
        ({"optimizer": {"momentum": 0.9}}, "/optimizer", "name is missing"),
        ({"optimizer": {"name": "sgd", "nesterov": True}}, "/optimizer", "wants a momentum"),
        ({"optimizer": {"name": "sgd", "betas": [0.9, 0.99]}}, "/optimizer/betas", "not a field here"),
        ({"optimizer": {"name": "adam", "betas": [0.9, 1.0]}}, "/optimizer/betas/1", "less than 1"),
        ({"optimizer": {"name": "adam", "betas": [0.9]}}, "/optimizer/betas/1", "missing"),
        ({"record": -1}, "/record", "at least 0"),
        ({"upstream": np.ones((N, OUT))}, "/upstream", "drop one"),
        ({"loss": {"op": "mse", "reduction": "none"}, "targets": np.zeros((N, OUT))}, "/loss/reduction", "one number"),
        ({"layout": "numerator", "wrt": ["T"]}, "/layout", "rank"),
    ],
)
def test_refusals_point_at_what_is_wrong(change: dict[str, Any], pointer: str, words: str) -> None:
    request = problem(backend="numpy", **change)
    request["network"] = {**request["network"], "parameters": {"T": np.ones((2, 2, 2))}}
    with pytest.raises(Refused, match=words) as refused:
        run("train", request)
    assert refused.value.faults[0].pointer == pointer


def test_what_is_too_much_is_refused_before_it_is_begun() -> None:
    for limits, words in (
        (Limits(flops=10_000), "floating-point operations"),
        (Limits(returned=1000), "numbers in the reply"),
        (Limits(calls=200), "applications of an op"),
        (Limits(memory=20_000), "bytes of memory"),
    ):
        with pytest.raises(Refused, match=words):
            Calls(limits).take("train", problem(backend="numpy"))


def test_the_cost_covers_what_is_returned() -> None:
    def numbers(tree: Any) -> int:
        if isinstance(tree, dict):
            return sum(map(numbers, tree.values()))
        if isinstance(tree, list):
            return sum(map(numbers, tree))
        return int(np.size(tree)) if isinstance(tree, np.ndarray | float) else 0

    for optimizer in ("sgd", "adam"):
        for trace in (False, True):
            request = problem(backend="numpy", steps=7, record=3, optimizer=optimizer, trace=trace)
            call = Calls().take("train", request)
            found = numbers({key: call.run()[key] for key in ("losses", "outputs", "moved", "recorded")})
            assert found <= call.cost.returned + 10 <= found * 1.3 + 10
