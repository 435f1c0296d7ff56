"""Marks at the edges: infinite truths, kinks, and wrong answers about every kind of node."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule import operations


def statuses(found: dict[str, Any]) -> dict[str, str]:
    return {item["quantity"]: item["status"] for item in found["items"]}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("partial", ["none", "entries"])
def test_where_the_truth_is_infinite_that_infinity_alone_is_right(dtype: str, partial: str) -> None:
    problem = {
        "network": {"layers": [{"op": "linear", "weight": [[1, 0], [0, 1]]}, {"op": "sigmoid"}, {"op": "log"}]},
        "inputs": [[-800, 0]],
        "dtype": dtype,
        "policy": {"partial": partial},
    }

    def points(second: Any, first: Any) -> list[float]:
        answers = {"outputs": [[first, second]]}
        return [item["points"] for item in operations.run("grade", {**problem, "answers": answers})["items"]]

    right, half = -np.log(2), 0.5 if partial == "entries" else 0.0
    assert points(right, "-Infinity") == [1.0]
    for wrong in (-800.0, 0.0, -1e300, "Infinity", "NaN"):
        assert points(right, wrong) == [half], wrong
    for wrong in (right + 0.01, 5.0, "-Infinity"):
        assert points(wrong, "-Infinity") == [half], wrong


def test_answers_to_a_root_of_zero_are_marked() -> None:
    problem = {"network": {"layers": [{"op": "sqrt"}]}, "inputs": [[0, 4]], "upstream": [[1, 1]]}

    def status(*gradient: Any) -> Any:
        found = operations.run("grade", {**problem, "answers": {"gradients": {"x": [gradient]}}})
        return found["items"][0]["status"]

    assert status("Infinity", 0.25) == "correct"
    assert status("Infinity", 0.5) == "nonfinite"
    assert status(500, 0.25) == "wrong"


def test_the_gradient_of_a_maximum_may_go_to_the_first_or_the_last_of_equal_largest() -> None:
    problem = {"network": {"layers": [{"op": "max"}]}, "inputs": [[3, 3, 1, 3], [2, 0, 5, 5]], "upstream": [1, 1]}

    def status(*gradient: Any) -> Any:
        found = operations.run("grade", {**problem, "answers": {"gradients": {"x": gradient}}})
        return found["items"][0]["status"]

    thirds = [1 / 3, 1 / 3, 0, 1 / 3]
    assert status(thirds, [0, 0, 0.5, 0.5]) == "correct"
    assert status([1, 0, 0, 0], [0, 0, 1, 0]) == "at_kink"
    assert status([0, 0, 0, 1], [0, 0, 0, 1]) == "at_kink"
    for wrong in ([0, 0, 1, 0], [1, 1, 0, 1], [0, 0, 0, 0]):
        assert status(wrong, [0, 0, 1, 0]) == "wrong"


def test_wrong_answers_about_what_the_loss_does_not_depend_on_are_marked() -> None:
    problem = {
        "network": {
            "parameters": {"p": [0.5]},
            "nodes": [
                {"name": "unused", "op": "mul", "inputs": ["x", "p"]},
                {"name": "after", "op": "tanh", "inputs": ["unused"]},
                {"name": "out", "op": "square", "inputs": ["x"]},
            ],
            "output": "out",
        },
        "inputs": [[1], [2]],
        "upstream": [[1], [3]],
    }
    given = {"p": [7.0], "unused": [[0], [0]], "x": [[2], [12]]}
    found = operations.run("grade", {**problem, "answers": {"gradients": given}})
    assert statuses(found) == {"gradients.p": "wrong", "gradients.unused": "correct", "gradients.x": "correct"}


PRELU = {"op": "prelu", "slope": 0.25, "name": "f"}
LOGSUMEXP = {"op": "logsumexp", "name": "f"}


@pytest.mark.parametrize(("activation", "width"), [(PRELU, 3), (LOGSUMEXP, 1)], ids=["prelu", "logsumexp"])
@pytest.mark.parametrize("last", [True, False], ids=["before_the_loss", "within"])
def test_wrong_answers_are_marked_where_an_activation_has_a_parameter_or_another_shape(
    activation: dict[str, Any], width: int, last: bool
) -> None:
    before = {"op": "linear", "weight": [[1, -2], [0.5, 1], [2, 2]]}
    after = [] if last else [{"op": "reshape", "shape": [width]}, {"op": "linear", "weight": [[1.5] * width]}]
    problem = {
        "network": {"layers": [before, activation, *after]},
        "inputs": [[1, 2], [-1, 0.5], [0.5, -0.25]],
        "loss": "mse",
        "backend": "numpy",
    }
    outputs = operations.run("forward", problem)["outputs"]
    problem["targets"] = np.ones_like(outputs)
    right = operations.run("gradients", {**problem, "wrt": "all"})["gradients"]
    traced = operations.run("forward", {**problem, "trace": True})["trace"]
    values = {node["node"]: node["output"] for node in traced}

    def marked(answers: dict[str, Any]) -> dict[str, str]:
        return statuses(operations.run("grade", {**problem, "answers": answers}))

    everything = {"outputs": outputs, "values": values, "gradients": right}
    assert set(marked(everything).values()) == {"correct"}
    for group in ("values", "gradients"):
        for name, truth in everything[group].items():
            for wrong in (truth + 1.0, truth * 1.5):
                found = marked({**everything, group: {**everything[group], name: wrong}})
                assert {quantity for quantity, status in found.items() if status != "correct"} >= {f"{group}.{name}"}


ROOTS = {
    "network": {
        "nodes": [
            {"name": "u", "op": "square", "inputs": ["x"]},
            {"name": "root", "op": "sqrt", "inputs": ["u"]},
            {"name": "after", "op": "tanh", "inputs": ["root"]},
            {"name": "out", "op": "linear", "inputs": ["u"], "weight": [[2, 1]]},
        ],
        "output": "out",
    },
    "inputs": [[1, 2], [3, 0.5]],
    "upstream": [[1], [-2]],
}


def test_answers_are_marked_after_a_value_that_leaves_the_domain_of_what_takes_it() -> None:
    values = {"u": [[-1, 4], [9, 0.25]], "after": [[0.1, 0.2], [0.3, 0.4]]}
    found = operations.run("grade", {**ROOTS, "answers": {"values": values}})
    assert statuses(found) == {"values.u": "wrong", "values.after": "wrong"}


def test_gradients_are_marked_after_a_value_that_leaves_the_domain_of_what_takes_it() -> None:
    answers = {"values": {"u": [[-1, 4], [9, 0.25]]}, "gradients": {"out.weight": [[5, 7]]}}
    found = operations.run("grade", {**ROOTS, "answers": answers})
    assert statuses(found) == {"values.u": "wrong", "gradients.out.weight": "wrong"}


def test_float32_answers_are_marked_where_a_matrix_is_shared_by_the_rows_of_each_example() -> None:
    problem = {
        "network": {
            "parameters": {"B": [[1, -2], [0.5, 3]]},
            "nodes": [{"name": "out", "op": "matmul", "inputs": ["x", "B"]}],
            "output": "out",
        },
        "inputs": [[[1, 2], [3, 4], [-1, 0.5]], [[0.1, 0.2], [0.3, 0.7], [1, 1]]],
        "upstream": [[[1, 0.3], [1, 2], [-1, 1]], [[1, 1], [0.1, 1], [2, -1]]],
        "dtype": "float32",
    }
    right = operations.run("gradients", {**problem, "wrt": "all", "backend": "numpy"})["gradients"]
    found = operations.run("grade", {**problem, "answers": {"gradients": right}})
    assert set(statuses(found).values()) == {"correct"}
    wrong = operations.run("grade", {**problem, "answers": {"gradients": {"x": right["x"] * 1.001}}})
    assert statuses(wrong) == {"gradients.x": "wrong"}


def test_what_comes_back_to_a_value_that_leaves_the_domain_of_what_takes_it_is_marked() -> None:
    values, root = {"u": [[-1, 4], [9, 0.25]]}, [[1, 2], [3, 4]]
    for wrong in ([[1, 1], [1, 1]], [[-4, 2], [3, 9]]):
        for name in ("u", "x"):
            answers = {"values": values, "gradients": {"root": root, name: wrong}}
            found = operations.run("grade", {**ROOTS, "answers": answers})
            assert set(statuses(found).values()) == {"wrong"}


def test_the_right_infinity_is_off_by_nothing() -> None:
    problem = {"network": {"layers": [{"op": "log"}]}, "inputs": [[0, 1, 4]], "policy": {"feedback": "magnitude"}}

    def off(*outputs: Any) -> list[float]:
        (item,) = operations.run("grade", {**problem, "answers": {"outputs": [outputs]}})["items"]
        return [item["max_abs"], item["max_rel"]]

    assert off("-Infinity", 0, np.log(4)) == [0.0, 0.0]
    assert off("-Infinity", 0, 2 * np.log(4)) == [np.log(4), 1.0]
    assert off(0, 0, np.log(4)) == [np.inf, np.inf]


@pytest.mark.parametrize("batched", [True, False])
def test_the_jacobian_of_a_loss_is_its_gradient_where_a_sigmoid_is_1(batched: bool) -> None:
    s, y = np.array([[40.0, -1.0, 50.0], [0.5, 2.0, -60.0]]), np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
    right = 1 / (1 + np.exp(-s)) - y
    names = ("C/s1", "C/x", "C/b1", "C/W1")
    if not batched:
        s, y, right = s[0], y[0], right[0]
    rows, inputs = np.atleast_2d(right), np.atleast_2d(s)
    answers = dict(zip(names, (right, right, rows.sum(0), rows.T @ inputs), strict=True))
    problem = {
        "network": {"layers": [{"op": "linear", "weight": np.eye(3), "bias": np.zeros(3)}, {"op": "sigmoid"}]},
        "inputs": s,
        "targets": y,
        "batched": batched,
        "loss": {"op": "bce", "reduction": "sum"},
    }
    found = operations.run("grade", {**problem, "answers": {"jacobians": answers}})
    assert set(statuses(found).values()) == {"correct"}
    doubled = {name: 2 * answer for name, answer in answers.items()}
    found = operations.run("grade", {**problem, "answers": {"jacobians": doubled}})
    assert set(statuses(found).values()) == {"wrong"}


def test_without_a_loss_its_names_and_that_of_the_targets_are_names_as_any_other() -> None:
    nodes = [
        {"name": "C", "op": "mul", "inputs": ["x", "y"]},
        {"name": "a", "op": "add", "inputs": ["C", "z"]},
    ]
    answers = {"values": {"C": 6}, "gradients": {"C": 1, "y": 2}, "jacobians": {"a/y": 2, "C/y": 2}}
    problem = {
        "network": {"nodes": nodes, "output": "a"},
        "inputs": {"x": 2, "y": 3, "z": 1},
        "batched": False,
        "upstream": 1,
    }
    found = operations.run("grade", {**problem, "answers": answers})
    assert set(statuses(found).values()) == {"correct"}
