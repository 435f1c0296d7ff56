"""The bundled homework: every row is there, its numbers can be worked out, and its right answers come out right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from chainrule.operations import run
from chainrule.operations.instances.library import Library, check_set
from chainrule.operations.instances.references import Problems

(SET,) = Library().sets()
PROBLEMS = {problem.id: problem for problem in SET.problems}
ROWS = ["1.2a", "1.2b", "1.2c", "1.2d", "1.3a", "1.3b", "1.3c", "1.4a", "1.4b", "1.4c", "1.4d", "1.4e", "2.1", "2.2"]
EXACT = {"rtol": 1e-12, "atol": 1e-12}


ON_FILE = Problems(Library())


def instance(name: str, seed: int = 3) -> dict[str, Any]:
    return ON_FILE.instance(f"nyu-hw1/{name}", seed).problem


def answers(name: str, problem: dict[str, Any], layout: str = "torch") -> dict[str, Any]:
    """What the service itself gives for everything that is asked."""
    on_numpy = {**problem, "backend": "numpy", "layout": layout}
    found: dict[str, Any] = {"values": {}, "gradients": {}, "jacobians": {}}
    trace = run("forward", {**on_numpy, "trace": True})
    for quantity in PROBLEMS[name].asks:
        kind, _, rest = quantity.partition(".")
        if kind == "outputs":
            found["outputs"] = trace["outputs"]
        elif kind == "loss":
            found["loss"] = run("loss", on_numpy)["loss"]
        elif kind == "values":
            found["values"][rest] = next(entry["output"] for entry in trace["trace"] if entry["node"] == rest)
        elif kind == "gradients":
            found["gradients"] |= run("gradients", {**on_numpy, "wrt": [rest]})["gradients"]
        else:
            of, wrt = rest.split("/")
            reply = run("jacobians", {**on_numpy, "pairs": [{"of": of, "wrt": wrt}]})
            found["jacobians"][rest] = reply["jacobians"][rest]["value"]
    return found


def test_every_row_of_the_homework_is_there() -> None:
    assert [row for row in ROWS if row not in PROBLEMS] == []
    check_set(SET, "nyu-hw1.yaml")


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("seed", [0, 1])
def test_right_answers_are_right(name: str, seed: int) -> None:
    problem = instance(name, seed)
    layouts = ["torch", "numerator"] if PROBLEMS[name].policy.layout == "either" else ["torch"]
    for layout in layouts:
        named = {"problem": f"nyu-hw1/{name}", "seed": seed}
        report = run("grade", {**named, "answers": answers(name, problem, layout)})
        assert {item["quantity"] for item in report["items"]} == set(PROBLEMS[name].asks)
        assert {item["status"] for item in report["items"]} <= {"correct"}, report["items"]
        assert report["score"] == report["max_score"] == len(PROBLEMS[name].asks)


@pytest.mark.parametrize("name", PROBLEMS)
def test_instances_are_found_at_once(name: str) -> None:
    attempts = [ON_FILE.instance(f"nyu-hw1/{name}", seed).attempt for seed in range(10)]
    assert max(attempts) < 30


def test_the_net_of_1_2b() -> None:
    problem = instance("1.2b")
    first, f, second, g = problem["network"]["layers"]
    assert (f, g, problem["batched"]) == ({"op": "relu", "scale": 3}, {"op": "identity"}, False)
    s1 = first["weight"] @ problem["inputs"] + first["bias"]
    found = answers("1.2b", problem)
    assert_allclose(found["values"]["s1"], s1, **EXACT)
    assert_allclose(found["outputs"], second["weight"] @ (3 * np.maximum(s1, 0)) + second["bias"], **EXACT)


def test_bce_of_1_3b() -> None:
    problem = instance("1.3b")
    found = answers("1.3b", problem)
    y, y_hat = problem["targets"], found["outputs"]
    assert_allclose(found["gradients"]["y_hat"], (y_hat - y) / (y_hat * (1 - y_hat)) / 5, **EXACT)


def test_the_graph_of_1_4b() -> None:
    problem = instance("1.4b")
    x, y0, z = (float(problem["inputs"][name]) for name in ("x", "y0", "z"))
    a = x * y0 + z
    b = 2 * a * x
    found = answers("1.4b", problem)
    assert (found["values"]["a"], found["values"]["b"], found["values"]["w"]) == (a, b, a * b + b)
    slope = b + 2 * x * (a + 1)
    assert found["jacobians"]["w/x"] == slope * y0 + 2 * a * (a + 1)
    assert found["jacobians"]["w/y0"] == slope * x
    assert found["jacobians"]["w/z"] == slope


@pytest.mark.parametrize(("name", "of"), [("1.4d", "sum"), ("1.4d-shared", "sum"), ("1.4e", "@"), ("1.4e-shared", "@")])
def test_the_linear_maps_of_1_4(name: str, of: str) -> None:
    problem = instance(name)
    weights = problem["network"]["parameters"]
    first, second = weights.get("W1", weights.get("W")), weights.get("W2", weights.get("W"))
    found = answers(name, problem)["jacobians"]["h/x"]
    assert_allclose(found, first + second if of == "sum" else second @ first, **EXACT)
    if name == "1.4e-shared":
        assert not np.allclose(found, first.T @ first)


def test_softargmax_of_1_4a_is_the_gradient_of_logsumexp() -> None:
    found = answers("1.4a", instance("1.4a"))
    assert_allclose(np.ravel(found["jacobians"]["m/x"]), found["values"]["p"], **EXACT)


def test_the_public_sizes_and_all_activations_of_2_1() -> None:
    seen = set()
    for seed in range(150):
        problem = instance("2.1", seed)
        first, f, second, g = problem["network"]["layers"]
        (a, n), k = first["weight"].shape, len(second["bias"])
        assert (n, a, len(problem["inputs"])) == (2, 20, 10)
        seen.add((f["op"], g["op"], k))
    kinds = ("relu", "sigmoid", "identity")
    assert seen == {(f, g, k) for f in kinds for g in kinds for k in (5, 22)}


def test_the_gradient_of_a_logit_of_2_2() -> None:
    problem = instance("2.2")
    first, _, second = problem["network"]["layers"]
    s1 = first["weight"] @ problem["inputs"] + first["bias"]
    row = second["weight"][int(problem["targets"])]
    found = answers("2.2", problem)
    assert_allclose(found["loss"], found["outputs"][int(problem["targets"])], **EXACT)
    assert_allclose(found["gradients"]["x"], (row * (s1 > 0)) @ first["weight"], **EXACT)
