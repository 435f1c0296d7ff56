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


WITH_LOSS: dict[str, Any] = {
    "targets": [[1.0]],
    "loss": "mse",
    "penalties": [{"op": "l2_penalty", "parameters": ["W1"]}],
}


def named(name: str, **more: Any) -> dict[str, Any]:
    layers = [{"op": "linear", "weight": [[2.0]]}, {"op": "square", "name": name}, {"op": "relu"}]
    return {"network": {"layers": layers}, "inputs": [[1.0]], "backend": "numpy", **more}


@pytest.mark.parametrize("operation", ["validate", "forward", "gradients"])
@pytest.mark.parametrize("name", ["C", "C.data", "y", "y_hat", "all", "parameters"])
def test_a_name_that_stands_for_something_is_refused(operation: str, name: str) -> None:
    with pytest.raises(Refused, match="stands for") as refused:
        run(operation, named(name, **WITH_LOSS))
    assert refused.value.faults[0].pointer == "/network/layers/1"


@pytest.mark.parametrize("name", ["y_hat", "all", "parameters", "$tensor"])
def test_the_output_and_the_groups_are_there_without_a_loss(name: str) -> None:
    with pytest.raises(Refused, match="stands for"):
        run("forward", named(name))


@pytest.mark.parametrize("name", ["C", "C.data", "y"])
def test_the_loss_and_the_targets_keep_no_name_where_there_are_none(name: str) -> None:
    reply = run("gradients", named(name, upstream=[[3.0]], wrt="all", steps=True, verify=True))
    assert reply["gradients"][name].tolist() == [[3.0]]
    assert reply["gradients"]["W1"].tolist() == [[12.0]]
    assert reply["verification"]["passed"]
    pair = {"of": name, "wrt": "x"}
    assert run("jacobians", named(name, pairs=[pair]))["jacobians"][f"{name}/x"]["value"].tolist() == [[[8.0]]]


@pytest.mark.parametrize("batched", [True, False])
def test_an_input_may_be_called_y_where_there_are_no_targets(batched: bool) -> None:
    network = {"nodes": [{"name": "C", "op": "mul", "inputs": ["x", "y"]}], "output": "C"}
    inputs = {"x": [[2.0, 1.0], [4.0, 1.0]], "y": [[3.0, 1.0], [5.0, 1.0]]}
    request = {"network": network, "inputs": inputs, "batched": batched, "backend": "numpy"}
    reply = run("gradients", {**request, "upstream": [[1.0, 0.0], [2.0, 0.0]], "wrt": ["x", "y"]})
    assert reply["gradients"]["x"].tolist() == [[3.0, 0.0], [10.0, 0.0]]
    assert reply["gradients"]["y"].tolist() == [[2.0, 0.0], [8.0, 0.0]]
    with pytest.raises(Refused, match="y stands for the targets"):
        run("forward", {**request, "targets": [[1.0, 0.0], [2.0, 0.0]]})
    with pytest.raises(Refused, match="C stands for the loss"):
        run("forward", {**request, "loss": "mse"})


def test_x_is_refused_for_a_node_where_it_stands_for_the_input() -> None:
    network = {"nodes": [{"name": "x", "op": "tanh", "inputs": ["image"]}], "output": "x"}
    with pytest.raises(Refused, match="single input"):
        run("forward", {"network": network, "inputs": {"image": [[1.0]]}, "backend": "numpy"})


def test_the_output_may_be_called_y_hat() -> None:
    network = {"layers": [{"op": "tanh", "name": "y_hat"}]}
    assert run("forward", {"network": network, "inputs": [[0.0]], "backend": "numpy"})["outputs"].tolist() == [[0.0]]


def test_two_things_of_one_name_are_refused_with_both_places() -> None:
    nodes = [{"name": "a", "op": "linear", "inputs": ["x"], "weight": [[2.0]]}] * 2
    for network, kind in (
        ({"nodes": nodes, "output": "a"}, "nodes"),
        ({"layers": [{"op": "tanh", "name": "a"}] * 2}, "layers"),
    ):
        with pytest.raises(Refused, match="two things are called a ") as refused:
            run("forward", {"network": network, "inputs": [[1.0]], "backend": "numpy"})
        assert f"/network/{kind}/0)" in refused.value.detail
        assert refused.value.faults[0].pointer == f"/network/{kind}/1"


@pytest.mark.parametrize("name", ["C", "C.data", "Cost"])
def test_a_node_whose_name_begins_as_that_of_the_loss_keeps_its_own_errors(name: str) -> None:
    network = {"layers": [{"op": "reshape", "shape": [7], "name": name}]}
    with pytest.raises(Refused, match=f"node {name}: ") as refused:
        run("forward", {"network": network, "inputs": [[1.0]], "backend": "numpy"})
    assert refused.value.faults[0].pointer == "/network/layers/0"
