"""Templates: what they may say, and what is refused with which words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from chainrule.schemas.templates import Template
from operations.instances.templates_by_hand import grid, two_layers

SIZES = {"n": 3, "a": 7, "K": 5, "N": 11}


def faults(tree: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        Template.model_validate(tree)
    return str(caught.value)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"step": 0.1}, "write 0.125, not 0.1"),
        ({"low": -1.45}, "multiples of 1/1024"),
        ({"low": -1.5625}, "low and high are multiples of step"),
        ({"high": -1.5}, "low is below high"),
        ({"high": 2.0**20}, "steps below"),
        ({"step": 0}, "greater than 0"),
        ({"low": float("nan")}, "low"),
        ({"step": "0.125"}, "valid number"),
        ({"stride": 1}, "stride"),
        ({"shape": ["a", 0]}, "greater than or equal to 1"),
        ({"shape": ["a", 3] * 5}, "at most 8"),
        ({"classes": 3}, "not permitted"),
    ],
)
def test_a_draw_that_is_none_is_refused(fields: dict[str, Any], said: str) -> None:
    assert said in faults({**two_layers(SIZES), "inputs": {**grid("N", "n"), **fields}})


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        ({"shape": [3], "values": []}, "at least 1"),
        ({"shape": [3], "values": [True]}, "valid"),
        ({"shape": [3], "values": [1e9]}, "within"),
        ({"shape": [], "probabilities": 8}, "has none"),
        ({"shape": [3], "probabilities": 10}, "should be 2, 4, 8"),
        ({"shape": ["N"], "classes": "k"}, "names the size k"),
        ({"choose": []}, "at least 1"),
        ({"choose": [grid("nn")]}, "names the size nn"),
    ],
)
def test_targets_that_are_none_are_refused(draw: dict[str, Any], said: str) -> None:
    assert said in faults({**two_layers(SIZES), "targets": draw})


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"sizes": {**SIZES, "a": "primes"}}, "'prime'"),
        ({"sizes": {**SIZES, "a": []}}, "at least 1"),
        ({"sizes": {**SIZES, "a": 0}}, "greater than or equal to 1"),
        ({"sizes": [SIZES, {"n": 3, "a": 7, "K": 5}]}, "the size N, which is not among the sizes: there are K, a, n"),
        ({"sizes": {}}, "there are none"),
        ({"sizes": {f"n{i}": 3 for i in range(13)}}, "at most 12"),
        ({"constraints": {"attempts": 0}}, "greater than or equal to 1"),
        ({"constraints": {"attempts": 1001}}, "less than or equal to 1000"),
        ({"constraints": {"kink": 1}}, "kink"),
        ({"layout": "torch"}, "layout"),
    ],
)
def test_sizes_and_constraints_that_are_none_are_refused(fields: dict[str, Any], said: str) -> None:
    assert said in faults({**two_layers(SIZES), **fields})


def test_what_is_no_draw_stays_as_it_is() -> None:
    tree = {
        "network": {
            "parameters": {"W": {"shape": [5, 3], "init": "normal", "seed": 7}},
            "layers": [{"op": "reshape", "shape": [3]}, {"op": "linear", "weight": "W", "bias": [1, 2, 3, 4, 5]}],
        },
        "inputs": [[1.0, 2.0, 3.0]],
    }
    assert Template.model_validate(tree).tree() == {**tree, "batched": True}
