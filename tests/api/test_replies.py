"""Every kind of reply that an operation gives has the fields that its model describes, and those asked for."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from api.in_process import InProcess
from chainrule.api.examples import PROBLEM, SHARED, TARGETS
from chainrule.schemas.replies import REPLIES

NAMED = {name: PROBLEM[name] for name in ("network", "inputs")}
GRAPH = {**PROBLEM, "network": SHARED}
ONE = {**PROBLEM, "inputs": [1.0, 2.0], "targets": TARGETS[0], "batched": False}
PENALISED = {**PROBLEM, "penalties": [{"op": "l2_penalty", "parameters": ["W1"], "scale": 0.5}]}
OVERFLOWING = {**PROBLEM, "inputs": [[1e308, -1e308], [1e200, 1.0]]}
ZEROS = [[0.0, 0.0]] * 50
ONES = {"op": "linear", "weight": [[1.0, 0.0], [0.0, 1.0]]}
AT_KINKS = {
    **PROBLEM,
    "network": {"layers": [ONES, {"op": "relu"}, {"op": "abs"}]},
    "inputs": ZEROS,
    "targets": ZEROS,
}

PROBLEMS: dict[str, dict[str, Any]] = {
    "layers": PROBLEM,
    "nodes": GRAPH,
    "one example": ONE,
    "penalties": PENALISED,
    "overflow": OVERFLOWING,
    "kinks": AT_KINKS,
    "float32": {**PROBLEM, "dtype": "float32"},
    "numerator": {**PROBLEM, "layout": "numerator"},
    "denominator": {**PROBLEM, "layout": "denominator"},
}
ASKED: dict[str, list[dict[str, Any]]] = {
    "validate": [{}],
    "forward": [{}, {"trace": True}],
    "loss": [{}, {"per_example": True}],
    "gradients": [{}, {"wrt": "all"}, {"wrt": "all", "steps": True, "verify": True}, {"per_example": True}],
    "jacobians": [
        {"pairs": [{"of": of, "wrt": wrt} for of, wrt in product(("y_hat", "C"), ("x", "y_hat"))], "form": form}
        for form in ("dense", "structured")
    ],
}
REQUESTS = [
    pytest.param(operation, {**problem, **asked, "backend": backend}, id=f"{operation}-{name}-{position}-{backend}")
    for operation, kinds in ASKED.items()
    for position, asked in enumerate(kinds)
    for name, problem in PROBLEMS.items()
    for backend in ("torch", "numpy")
    if not ("per_example" in asked and name in ("one example", "penalties"))
    if not (asked.get("form") == "structured" and "layout" in problem)
]
"""All that goes together."""


@pytest.mark.parametrize(("operation", "body"), REQUESTS)
def test_a_reply_is_as_its_model_describes(operation: str, body: dict[str, Any], in_process: InProcess) -> None:
    reply = in_process.post(f"/v1/{operation}", json=body)
    assert reply.status_code == 200, reply.text
    found = REPLIES[operation].model_validate_json(reply.content)
    assert found.meta.model_dump() | {"version": "", "conventions": 0, "device": ""} == {
        "version": "",
        "conventions": 0,
        "device": "",
        "backend": body["backend"],
        "dtype": body.get("dtype", "float64"),
    }
    spelled = any(f'"{word}"' in reply.text for word in ("NaN", "Infinity", "-Infinity"))
    assert spelled == any(warning.startswith("not finite: ") for warning in found.warnings)


@pytest.mark.parametrize(
    ("operation", "field", "asked"),
    [
        ("forward", "trace", {"trace": True}),
        ("loss", "per_example", {"per_example": True}),
        ("gradients", "per_example", {"per_example": True}),
        ("gradients", "steps", {"steps": True}),
        ("gradients", "verification", {"verify": True}),
    ],
)
def test_what_was_not_asked_for_is_left_out(
    operation: str, field: str, asked: dict[str, Any], in_process: InProcess
) -> None:
    plain, full = (in_process.post(f"/v1/{operation}", json={**PROBLEM, **more}).json() for more in ({}, asked))
    assert set(full) - set(plain) == {field}
    assert plain == {name: value for name, value in full.items() if name != field}


def test_a_reply_with_an_upstream_has_no_loss(in_process: InProcess) -> None:
    reply = in_process.post("/v1/gradients", json={**NAMED, "upstream": [[1.0, 0.0], [0.0, 1.0]]}).json()
    assert "loss" not in reply
    assert set(reply["gradients"]) == {"W1", "b1", "W2", "b2"}


def test_the_first_20_kinks_are_listed_and_all_are_counted(in_process: InProcess) -> None:
    reply = in_process.post("/v1/gradients", json={**AT_KINKS, "wrt": ["x"]}).json()
    assert (len(reply["kinks"]), reply["kink_count"]) == (20, 200)
