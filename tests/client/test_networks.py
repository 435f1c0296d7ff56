"""Builders produce the wire's own objects."""

import numpy as np
import pytest

from chainrule_client import (
    Input,
    Layer,
    Network,
    Parameter,
    draw,
    identity,
    l2_penalty,
    linear,
    loss,
    op,
    relu,
    tanh,
)

W1, B1, W2, B2 = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [0.1, 0.2, 0.3], [[1.0, 0.0, 2.0]], [0.5]


def test_layers_are_written_as_the_contract_has_them():
    network = Network.layers(linear(W1, B1), relu(scale=3), linear(W2, B2), identity())
    assert network.spec == {
        "layers": [
            {"op": "linear", "weight": W1, "bias": B1},
            {"op": "relu", "scale": 3},
            {"op": "linear", "weight": W2, "bias": B2},
            {"op": "identity"},
        ]
    }


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (relu, r"layer 2 is the function relu itself: write relu\(\)"),
        ("relu", r"layer 2 is text: write op\('relu'\)"),
        ([relu()], r"layer 2 is a list: write Network.layers\(\*layers\)"),
        (relu()(Input("x")), r"layer 2 is a node, .*: write Network.graph\(output\)"),
        ({"op": "relu"}, r"layer 2 is a dict, not a layer: write .*relu\(\)"),
        (None, "layer 2 is a NoneType, not a layer"),
    ],
)
def test_what_is_no_layer_is_refused_with_what_to_write(given, says):
    with pytest.raises(TypeError, match=says):
        Network.layers(linear(W1), given)


@pytest.mark.parametrize("given", [relu, relu(), Input("x"), Parameter("W", W1), "relu"])
def test_what_is_no_node_is_no_output(given):
    with pytest.raises(TypeError, match="the output of a graph is a node"):
        Network.graph(given)


def test_a_graph_with_a_shared_weight_is_written_as_the_contract_has_it():
    x, weight = Input("x"), Parameter("W", W1)
    f, g = linear(weight, name="f")(x), linear(weight, name="g")(x)
    assert Network.graph(op("add", name="h")(f, g)).spec == {
        "parameters": {"W": W1},
        "nodes": [
            {"name": "f", "op": "linear", "inputs": ["x"], "weight": "W"},
            {"name": "g", "op": "linear", "inputs": ["x"], "weight": "W"},
            {"name": "h", "op": "add", "inputs": ["f", "g"]},
        ],
        "output": "h",
    }


def test_operators_are_nodes_and_a_node_used_twice_stands_once():
    x, y, z = Input("x"), Input("y"), Input("z")
    a = x * y + z
    b = a * (x + x)
    w = a * b + b
    spec = Network.graph(w).spec
    written = {node["name"]: (node["op"], node["inputs"]) for node in spec["nodes"]}
    assert written == {
        "mul1": ("mul", ["x", "y"]),
        "add1": ("add", ["mul1", "z"]),
        "add2": ("add", ["x", "x"]),
        "mul2": ("mul", ["add1", "add2"]),
        "mul3": ("mul", ["add1", "mul2"]),
        "add3": ("add", ["mul3", "mul2"]),
    }
    assert spec["output"] == "add3"
    assert len(spec["nodes"]) == 6


def test_nodes_stand_after_what_they_depend_on():
    x = Input("x")
    node = x - x
    for _ in range(3000):
        node = tanh()(node)
    names = [entry["name"] for entry in Network.graph(node).spec["nodes"]]
    assert names == ["sub1", *(f"tanh{k}" for k in range(1, 3001))]


def test_made_up_names_avoid_those_given():
    x = Input("x")
    spec = Network.graph(tanh()(tanh(name="tanh1")(x))).spec
    assert [entry["name"] for entry in spec["nodes"]] == ["tanh1", "tanh2"]


def test_parameters_may_be_operands():
    x, v = Input("x"), Parameter("v", [1.0, 2.0])
    assert Network.graph(x @ v).spec == {
        "parameters": {"v": [1.0, 2.0]},
        "nodes": [{"name": "matmul1", "op": "matmul", "inputs": ["x", "v"]}],
        "output": "matmul1",
    }


def test_a_shared_weight_in_layers_is_sent_once():
    weight = Parameter("W", [[1.0]])
    spec = Network.layers(linear(weight), tanh(), linear(weight)).spec
    assert spec["parameters"] == {"W": [[1.0]]}
    assert [entry.get("weight") for entry in spec["layers"]] == ["W", None, "W"]


def test_drawn_parameters_stand_under_the_name_they_would_have_in_place():
    drawn, biases = draw([3, 2], init="normal", scale=0.4, seed=7), draw([1], init="zeros")
    spec = Network.layers(linear(drawn), tanh(), linear(W2, biases)).spec
    assert spec["parameters"] == {
        "W1": {"shape": [3, 2], "init": "normal", "scale": 0.4, "seed": 7},
        "b2": {"shape": [1], "init": "zeros"},
    }
    assert spec["layers"] == [
        {"op": "linear", "weight": "W1"},
        {"op": "tanh"},
        {"op": "linear", "weight": W2, "bias": "b2"},
    ]
    graph = Network.graph(linear(drawn, name="f")(Input("x"))).spec
    assert list(graph["parameters"]) == ["f.weight"]


def test_two_parameters_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two parameters are named 'W'"):
        Network.layers(linear(Parameter("W", [[1.0]])), linear(Parameter("W", [[2.0]])))


def test_two_nodes_of_one_name_are_refused():
    layer = tanh(name="t")
    with pytest.raises(ValueError, match="two nodes are named 't'"):
        Network.graph(layer(layer(Input("x"))))


@pytest.mark.parametrize("other", [2, [1.0], np.ones(2)])
def test_only_operands_can_be_operated_on(other):
    with pytest.raises(TypeError, match="add is applied to inputs, parameters and nodes"):
        Input("x") + other
    with pytest.raises(TypeError):
        other + Input("x")


def test_losses_and_penalties_are_written_as_the_contract_has_them():
    assert loss("squared_error", reduction="sum") == {"op": "squared_error", "reduction": "sum"}
    assert loss("huber", delta=2.0) == {"op": "huber", "delta": 2.0}
    assert l2_penalty("W1", scale=0.5) == {"op": "l2_penalty", "parameters": ["W1"], "scale": 0.5}


def test_any_op_can_be_written():
    assert Network.layers(op("conv2d", weight=[[1.0]], stride=2, name="c")).spec == {
        "layers": [{"op": "conv2d", "name": "c", "weight": [[1.0]], "stride": 2}]
    }


def test_layers_and_networks_say_what_they_are():
    layer = linear(np.ones((3, 2)), Parameter("b", [1.0]), name="f")
    assert repr(layer) == "linear(weight: [3, 2], bias='b', name='f')"
    assert repr(Network.layers(layer, Layer("relu"))) == "Network(f → relu)"
