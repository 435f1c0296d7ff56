"""`jacobians`: shapes where only one of the two values has a batch axis, and kinks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule.operations import run

BACKENDS = pytest.mark.parametrize("backend", ["numpy", "torch"])
PARAMETERS_ALONE: dict[str, Any] = {
    "parameters": {"P": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]},
    "nodes": [
        {"name": "e", "op": "exp", "inputs": ["P"]},
        {"name": "h", "op": "linear", "inputs": ["x"], "weight": "e"},
    ],
    "output": "h",
}


@BACKENDS
@pytest.mark.parametrize(
    ("layout", "shape"), [("torch", (3, 2, 2)), ("numerator", (3, 2, 2)), ("denominator", (2, 2, 3))]
)
def test_a_value_of_parameters_alone_does_not_depend_on_any_example(
    backend: str, layout: str, shape: tuple[int, ...]
) -> None:
    request = {"network": PARAMETERS_ALONE, "layout": layout, "backend": backend, "pairs": [{"of": "e", "wrt": "x"}]}
    batch = run("jacobians", {**request, "inputs": np.ones((5, 2))})["jacobians"]["e/x"]
    one = run("jacobians", {**request, "inputs": np.ones(2), "batched": False})["jacobians"]["e/x"]
    assert batch["value"].shape == (5, *shape) == tuple(batch["shape"])
    assert one["value"].shape == shape == tuple(one["shape"])
    assert not batch["value"].any()
    assert not one["value"].any()


@BACKENDS
def test_kinks_on_the_way_are_listed(backend: str) -> None:
    layers = [{"op": "relu"}, {"op": "abs", "name": "b"}]
    request = {"network": {"layers": layers}, "inputs": [[0.0, 1.0]], "backend": backend}
    reply = run("jacobians", {**request, "pairs": [{"of": "relu1", "wrt": "x"}]})
    assert (reply["kinks"], reply["kink_count"]) == ([{"node": "relu1", "index": [0, 0], "value": 0.0}], 1)
    reply = run("jacobians", {**request, "pairs": [{"of": "b", "wrt": "relu1"}, {"of": "relu1", "wrt": "x"}]})
    assert [kink["node"] for kink in reply["kinks"]] == ["relu1", "b"]


@BACKENDS
@pytest.mark.parametrize(
    ("after", "wanted"),
    [
        ({"op": "sum", "axes": [0]}, np.full((1, 4, 1, 1), 3.0)),
        ({"op": "slice", "axis": 0, "start": 1}, np.ones((1, 2, 4, 1, 1))),
        ({"op": "flatten"}, np.ones((1, 12, 1))),
    ],
    ids=["sum", "slice", "flatten"],
)
def test_a_bias_is_added_to_every_token(backend: str, after: dict[str, Any], wanted: np.ndarray) -> None:
    layers = [{"op": "linear", "weight": [[1.0, -1.0]], "bias": [0.5]}, after]
    request = {"network": {"layers": layers}, "inputs": np.ones((1, 3, 4, 2)), "backend": backend}
    found = run("jacobians", {**request, "pairs": [{"of": "y_hat", "wrt": "b1"}]})["jacobians"]["y_hat/b1"]
    np.testing.assert_array_equal(found["value"], wanted)
