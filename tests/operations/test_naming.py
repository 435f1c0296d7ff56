"""What things are called, and which names stand for others."""

from __future__ import annotations

from typing import Any

import pytest

from chainrule.operations import Refused, run

W, b = [[1.0, 2.0], [3.0, 4.0]], [0.5, -0.5]


def nodes_of(*layers: dict[str, Any]) -> list[str]:
    reply = run("validate", {"network": {"layers": list(layers)}, "inputs": [[1.0, 2.0]], "backend": "numpy"})
    return [node["node"] for node in reply["nodes"]]


def test_layers_are_named_as_in_the_homework() -> None:
    linear = {"op": "linear", "weight": W, "bias": b}
    assert nodes_of(linear, {"op": "relu"}, linear, {"op": "sigmoid"}) == ["s1", "a1", "s2", "a2"]


def test_only_the_first_activation_after_a_linear_is_its_a() -> None:
    linear = {"op": "linear", "weight": W}
    layers = [{"op": "tanh"}, linear, {"op": "relu"}, {"op": "relu"}, {"op": "scale", "factor": 2}, linear]
    assert nodes_of(*layers) == ["tanh1", "s1", "a1", "relu2", "scale1", "s2"]


def test_a_given_name_stands_and_its_parameters_keep_theirs() -> None:
    layers = [{"op": "linear", "weight": W, "bias": b, "name": "hidden"}, {"op": "prelu", "slope": 0.25}]
    reply = run("validate", {"network": {"layers": layers}, "inputs": [[1.0, 2.0]], "backend": "numpy"})
    assert [node["node"] for node in reply["nodes"]] == ["hidden", "a1"]
    assert list(reply["parameters"]) == ["W1", "b1", "a1.slope"]


def test_parameters_of_nodes_are_named_after_them() -> None:
    network = {"nodes": [{"name": "f", "op": "linear", "inputs": ["x"], "weight": W, "bias": b}], "output": "f"}
    reply = run("validate", {"network": network, "inputs": [[1.0, 2.0]], "backend": "numpy"})
    assert list(reply["parameters"]) == ["f.weight", "f.bias"]


def test_y_hat_and_x_and_c_stand_for_output_input_and_loss() -> None:
    network = {"nodes": [{"name": "out", "op": "tanh", "inputs": ["image"]}], "output": "out"}
    problem = {"network": network, "inputs": {"image": [[1.0, 2.0]]}, "targets": [[0.0, 0.0]], "loss": "mse"}
    pairs = [{"of": "y_hat", "wrt": "x"}, {"of": "out", "wrt": "image"}, {"of": "C", "wrt": "y_hat"}]
    found = run("jacobians", {**problem, "pairs": pairs, "backend": "numpy"})["jacobians"]
    assert found["y_hat/x"]["value"].tolist() == found["out/image"]["value"].tolist()
    assert found["C/y_hat"]["shape"] == [1, 2]


@pytest.mark.parametrize("name", ["C", "y", "y_hat", "all", "parameters"])
def test_a_name_that_stands_for_something_is_refused(name: str) -> None:
    layers = [{"op": "tanh", "name": name}, {"op": "relu"}]
    with pytest.raises(Refused, match="stands for") as refused:
        run("forward", {"network": {"layers": layers}, "inputs": [[1.0]], "backend": "numpy"})
    assert refused.value.faults[0].pointer == "/network/layers/0"


def test_x_is_refused_for_a_node_where_it_stands_for_the_input() -> None:
    network = {"nodes": [{"name": "x", "op": "tanh", "inputs": ["image"]}], "output": "x"}
    with pytest.raises(Refused, match="single input"):
        run("forward", {"network": network, "inputs": {"image": [[1.0]]}, "backend": "numpy"})


def test_the_output_may_be_called_y_hat() -> None:
    network = {"layers": [{"op": "tanh", "name": "y_hat"}]}
    assert run("forward", {"network": network, "inputs": [[0.0]], "backend": "numpy"})["outputs"].tolist() == [[0.0]]


def test_two_things_of_one_name_are_refused_with_both_places() -> None:
    layers = [{"op": "tanh", "name": "a"}, {"op": "relu", "name": "a"}]
    with pytest.raises(Refused, match="two things are called a") as refused:
        run("forward", {"network": {"layers": layers}, "inputs": [[1.0]], "backend": "numpy"})
    assert "/network/layers/0" in refused.value.detail
    assert refused.value.faults[0].pointer == "/network/layers/1"
