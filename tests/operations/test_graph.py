"""`graph`: nodes, edges and shapes; gradients along edges sum to those of nodes; DOT and SVG; what is refused."""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from chainrule.operations import Calls, Limits, Refused, run
from pictures.reading import assert_legible, texts

BACKENDS = pytest.mark.parametrize("backend", ["numpy", "torch"])

SCALARS: dict[str, Any] = {
    "network": {
        "nodes": [
            {"name": "xy", "op": "mul", "inputs": ["x", "y"]},
            {"name": "a", "op": "add", "inputs": ["xy", "z"]},
            {"name": "xx", "op": "add", "inputs": ["x", "x"]},
            {"name": "b", "op": "mul", "inputs": ["a", "xx"]},
            {"name": "ab", "op": "mul", "inputs": ["a", "b"]},
            {"name": "w", "op": "add", "inputs": ["ab", "b"]},
        ],
        "output": "w",
    },
    "inputs": {"x": 2.0, "y": 3.0, "z": 1.0},
    "batched": False,
    "backend": "numpy",
}
"""Homework 1.4b: a = xy + z, b = a(x + x), w = ab + b."""


def layers(**more: Any) -> dict[str, Any]:
    rng = np.random.default_rng(21)
    given = [
        {"op": "linear", "weight": rng.normal(size=(4, 3)), "bias": rng.normal(size=4)},
        {"op": "tanh"},
        {"op": "linear", "weight": rng.normal(size=(2, 4))},
        {"op": "sigmoid"},
    ]
    problem = {"inputs": rng.normal(size=(5, 3)), "targets": rng.uniform(size=(5, 2)), "loss": "bce"}
    return {"network": {"layers": given}, **problem, "backend": "numpy", **more}


def node(reply: Any, name: str) -> Any:
    return next(each for each in reply["nodes"] if each["name"] == name)


def test_everything_is_a_node_of_its_kind_with_its_shape() -> None:
    reply = run("graph", layers(penalties=[{"op": "l2_penalty", "parameters": ["W1"]}]))
    kinds = {each["name"]: (each["kind"], each["op"], each["shape"]) for each in reply["nodes"]}
    assert kinds == {
        "x": ("input", None, [5, 3]),
        "W1": ("parameter", None, [4, 3]),
        "b1": ("parameter", None, [4]),
        "W2": ("parameter", None, [2, 4]),
        "y": ("targets", None, [5, 2]),
        "s1": ("node", "linear", [5, 4]),
        "a1": ("node", "tanh", [5, 4]),
        "s2": ("node", "linear", [5, 2]),
        "a2": ("node", "sigmoid", [5, 2]),
        "C.data": ("loss", "bce", []),
        "l2_penalty1.W1": ("penalty", "l2_penalty", []),
        "C": ("loss", "total", []),
    }
    edges = {(each["source"], each["target"], each["operand"]) for each in reply["edges"]}
    assert ("W1", "s1", "weight") in edges
    assert ("y", "C.data", "target") in edges
    assert len(edges) == 12
    assert reply["output"] == "a2"
    assert "loss" not in reply
    assert all(set(each) == {"name", "kind", "op", "shape"} for each in reply["nodes"])


def test_nothing_is_computed_where_no_numbers_are_asked_for() -> None:
    network = {"layers": [{"op": "log", "name": "f"}]}
    request = {"network": network, "inputs": [[-1.0]], "backend": "numpy"}  # which has no logarithm
    assert node(run("graph", request), "f")["shape"] == [1, 1]
    with pytest.raises(Refused, match="negative"):
        run("graph", {**request, "values": True})


@BACKENDS
def test_values_and_gradients_are_those_of_the_other_endpoints(backend: str) -> None:
    request = layers(backend=backend)
    reply = run("graph", {**request, "values": True, "gradients": True})
    traced = {e["node"]: e["output"] for e in run("forward", {**request, "trace": True})["trace"]}
    truth = run("gradients", {**request, "wrt": "all"})
    for name, value in traced.items():
        assert_allclose(node(reply, name)["value"], value, rtol=1e-12)
    for name, gradient in truth["gradients"].items():
        assert_allclose(node(reply, name)["gradient"], gradient, rtol=1e-12, atol=1e-15)
    assert_allclose(reply["loss"], truth["loss"])
    assert reply["kink_count"] == 0
    assert "gradient" not in node(reply, "y")
    assert node(reply, "C")["gradient"] == 1


@BACKENDS
def test_what_comes_back_along_the_edges_sums_to_the_gradient(backend: str) -> None:
    rng = np.random.default_rng(21)
    weight = rng.normal(size=(3, 3))
    nodes = [
        {"name": "f", "op": "linear", "inputs": ["x"], "weight": "W"},
        {"name": "g", "op": "tanh", "inputs": ["f"]},
        {"name": "h", "op": "linear", "inputs": ["g"], "weight": "W"},
        {"name": "s", "op": "add", "inputs": ["f", "h"]},
        {"name": "q", "op": "mul", "inputs": ["s", "s"]},
    ]
    request = {
        "network": {"parameters": {"W": weight}, "nodes": nodes, "output": "q"},
        "inputs": rng.normal(size=(4, 3)),
        "upstream": rng.normal(size=(4, 3)),
        "backend": backend,
    }
    reply = run("graph", {**request, "gradients": True})
    truth = run("gradients", {**request, "wrt": "all"})["gradients"]
    for name in ("x", "W", "f", "g", "h", "s"):
        shares = [each["gradient"] for each in reply["edges"] if each["source"] == name]
        assert_allclose(sum(shares), truth[name], rtol=1e-12, atol=1e-13)
        assert_allclose(node(reply, name)["gradient"], truth[name], rtol=1e-12, atol=1e-13)
    assert "value" not in node(reply, "f")
    assert "loss" not in reply


@BACKENDS
def test_the_graph_of_1_4b(backend: str) -> None:
    reply = run("graph", {**SCALARS, "backend": backend, "upstream": 1.0, "values": True, "gradients": True})
    numbers = {each["name"]: (each["value"].item(), each["gradient"].item()) for each in reply["nodes"]}
    assert numbers["x"] == (2, 292)
    assert numbers["y"] == (3, 120)
    assert numbers["z"] == (1, 60)
    assert (numbers["a"][0], numbers["b"][0], numbers["w"]) == (7, 28, (224, 1))
    assert sum(each["kind"] == "node" for each in reply["nodes"]) == 6
    along = {(e["source"], e["target"], e["operand"]): e["gradient"].item() for e in reply["edges"]}
    assert [value for (source, target, _), value in along.items() if (source, target) == ("x", "xx")] == [56, 56]
    assert sum(value for (source, *_), value in along.items() if source == "x") == 292


def test_gradients_have_the_layout_asked_for() -> None:
    request = layers(gradients=True)
    plain, turned = run("graph", request), run("graph", {**request, "layout": "numerator"})
    assert_allclose(node(turned, "W1")["gradient"], node(plain, "W1")["gradient"].T)
    share = [next(e["gradient"] for e in each["edges"] if e["source"] == "W1") for each in (plain, turned)]
    assert_allclose(share[1], share[0].T)


def test_what_c_does_not_depend_on_has_no_gradient() -> None:
    nodes = [{"name": "f", "op": "tanh", "inputs": ["x"]}, {"name": "aside", "op": "relu", "inputs": ["x"]}]
    request = {"network": {"nodes": nodes, "output": "f"}, "inputs": [[0.5]], "upstream": [[1.0]], "backend": "numpy"}
    reply = run("graph", {**request, "gradients": True, "format": "dot"})
    assert "gradient" not in node(reply, "aside")
    assert ["gradient" in each for each in reply["edges"]] == [True, False]


def test_a_picture_shows_names_ops_shapes_and_a_few_numbers() -> None:
    svg = run("graph", layers(values=True, gradients=True, format="svg"))["svg"]
    assert_legible(svg)
    shown = texts(svg)
    assert {"s1", "linear", "5×4", "W1", "4×3", "value", "gradient"} <= set(shown)
    assert any(re.fullmatch(r"‖…‖ [\d.e−-]+", words) for words in shown)
    drawn = run("graph", {**SCALARS, "values": True, "upstream": 1.0, "gradients": True, "format": "svg"})["svg"]
    assert {"x", "w", "×", "+", "196", "28", "292"} - set(texts(drawn)) == {"292"}  # which is at no single edge
    assert_legible(drawn)


def test_dot_has_every_node_and_edge() -> None:
    dot = run("graph", {**SCALARS, "values": True, "format": "dot"})["dot"]
    assert len(re.findall(r"^  n\d+ \[", dot, re.MULTILINE)) == 9
    assert len(re.findall(r"^  n\d+ -> n\d+", dot, re.MULTILINE)) == 12
    assert 'label="xy\\n×"' in dot
    assert 'n0 -> n3 [label="2"' in dot


def test_without_the_library_dot_is_advised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fast_sugiyama", None)
    with pytest.raises(Refused, match=r"chainrule\[pictures\]") as refused:
        run("graph", {**SCALARS, "format": "svg"})
    assert refused.value.faults[0].pointer == "/format"
    assert run("graph", {**SCALARS, "format": "dot"})["dot"].startswith("digraph")


def test_a_graph_too_large_to_draw_is_refused_and_had_as_dot() -> None:
    chain = {"network": {"layers": [{"op": "tanh"}] * 2000}, "inputs": [[1.0]], "backend": "numpy"}
    with pytest.raises(Refused, match="ask for dot") as refused:
        run("graph", {**chain, "format": "svg"})
    assert refused.value.faults[0].pointer == "/format"
    assert run("graph", {**chain, "format": "dot"})["dot"].count("->") == 2000


@pytest.mark.parametrize(
    ("change", "pointer", "words"),
    [
        ({"gradients": True, "loss": None, "targets": None}, "/loss", "upstream"),
        ({"gradients": True, "loss": {"op": "mse", "reduction": "none"}}, "/loss/reduction", "one number"),
        ({"upstream": np.ones((5, 2)), "gradients": True}, "/upstream", "drop one"),
        ({"format": "png"}, "/format", "svg"),
        ({"values": 1}, "/values", "true or false"),
    ],
)
def test_refusals_point_at_what_is_wrong(change: dict[str, Any], pointer: str, words: str) -> None:
    with pytest.raises(Refused, match=words) as refused:
        run("graph", {name: value for name, value in layers(**change).items() if value is not None})
    assert refused.value.faults[0].pointer == pointer


def test_numbers_cost_and_structure_does_not() -> None:
    request = layers()
    free, values, gradients = (
        Calls().take("graph", {**request, **more}).cost for more in ({}, {"values": True}, {"gradients": True})
    )
    assert (free.flops, free.returned) == (0, 0)
    assert values.returned > 0
    assert values.flops < gradients.flops
    with pytest.raises(Refused, match="numbers in the reply"):
        Calls(Limits(returned=values.returned - 1)).take("graph", {**request, "values": True})
