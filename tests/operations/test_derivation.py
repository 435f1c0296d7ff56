"""`derivation`: the reply, what may be asked for, what is refused, and the numbers in it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from chainrule.engine.trace import Cancelled
from chainrule.operations import Calls, Refused, run
from chainrule.schemas.encoding import encode
from chainrule.schemas.replies import REPLIES
from stopwatch import Stopwatch

NET: dict[str, Any] = {
    "network": {
        "layers": [
            {"op": "linear", "weight": [[1, -1, 0], [2, 1, -2], [0, 1, 1], [1, 1, 1]], "bias": [1, -1, 2, 0.5]},
            {"op": "relu", "scale": 3},
            {"op": "linear", "weight": [[2, -1, 1, 0], [1, 3, 0, -1]], "bias": [1, -2]},
            {"op": "sigmoid"},
        ]
    },
    "inputs": [[1, 2, 0.5], [0.25, -1, 1]],
    "targets": [[0, 1], [1, 0]],
    "loss": "bce",
    "penalties": [{"op": "l2_penalty", "parameters": ["W1"], "scale": 0.5}],
    "backend": "numpy",
}
ONE = {**NET, "inputs": [1, 2, 0.5], "targets": [0, 1], "batched": False}
LAYOUTS = ["torch", "numerator", "denominator"]


def derive(request: dict[str, Any] = NET, **fields: Any) -> dict[str, Any]:
    return run("derivation", {**request, **fields})


def printed(latex: str) -> np.ndarray[Any, Any]:
    """The numbers of a matrix, a row, a column or a diagonal as it is printed."""
    latex = re.sub(r" \\cdot 10\^\{(-?\d+)\}", r"e\1", latex.lstrip("= ").removeprefix(r"\approx "))
    if found := re.fullmatch(r"\\operatorname\{diag\}\\left\((.*)\\right\)", latex):
        return np.diag([float(each) for each in found[1].split(",")])
    found = re.fullmatch(r"\\begin\{pmatrix\} (.*) \\end\{pmatrix\}(\^\{\\top\})?", latex)
    if found is None:
        return np.array(float(latex))
    rows = [[float(cell) for cell in row.split("&")] for row in found[1].split(r"\\")]
    return np.array(rows).T if found[2] else np.array(rows)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("request_", [NET, ONE], ids=["batch", "one"])
def test_the_reply_is_as_described(request_: dict[str, Any], layout: str) -> None:
    reply = derive(request_, layout=layout, wrt="all", document=True)
    REPLIES["derivation"].model_validate_json(encode(reply))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_numbers_are_the_gradients_to_four_digits(layout: str) -> None:
    reply, wanted = derive(ONE, layout=layout, wrt="all"), run("gradients", {**ONE, "layout": layout, "wrt": "all"})
    for name, gradient in reply["gradients"].items():
        found = printed(gradient["numbers"][0].rpartition(r"\approx")[2].rpartition(" = ")[2])
        exact = np.asarray(wanted["gradients"][name])
        assert gradient["shape"] == list(exact.shape)
        np.testing.assert_allclose(found.ravel(), exact.ravel(), rtol=6e-4)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_shapes_and_numbers_of_jacobians_are_the_engines(layout: str) -> None:
    reply = derive(ONE, layout=layout)
    names = [name for name in reply["jacobians"] if not name.startswith(("C", "l2_penalty"))]
    assert {"a2/s2", "s2/a1", "a1/s1", "s1/W1", "s1/b1", "s2/W2", "s2/b2"} == set(names)
    pairs = [dict(zip(("of", "wrt"), name.split("/"), strict=True)) for name in names]
    wanted = run("jacobians", {**ONE, "layout": layout, "pairs": pairs})["jacobians"]
    for name in names:
        exact = np.asarray(wanted[name]["value"])
        assert reply["jacobians"][name]["shape"] == list(exact.shape)
        if reply["jacobians"][name]["numbers"]:
            found = printed(reply["jacobians"][name]["numbers"][0])
            np.testing.assert_allclose(found.ravel(), exact.ravel(), rtol=6e-4)


@pytest.mark.parametrize(
    ("layout", "equals"), [("torch", "W^{(2)}"), ("numerator", "W^{(2)}"), ("denominator", r"W^{(2)\top}")]
)
def test_a_jacobian_with_a_name_is_that_matrix_in_its_layout(layout: str, equals: str) -> None:
    reply = derive(ONE, layout=layout)
    assert reply["jacobians"]["s2/a1"]["equals"] == equals
    assert reply["jacobians"]["s2/b2"]["equals"] == "I"
    assert reply["jacobians"]["a1/s1"]["equals"] is None


def test_what_does_not_matter_is_zero() -> None:
    nodes = [{"name": "f", "op": "tanh", "inputs": ["x"]}, {"name": "g", "op": "gelu", "inputs": ["x"]}]
    reply = derive({"network": {"nodes": nodes, "output": "g"}, "inputs": [1, 2], "batched": False, "wrt": ["f", "x"]})
    assert reply["gradients"]["f"]["latex"] == r"\frac{\partial g}{\partial f} = 0"
    assert reply["gradients"]["f"]["terms"] == reply["gradients"]["f"]["numbers"] == []
    assert [each[:6] for each in reply["jacobians"]["g/x"]["where"]] == [r"\Phi(t", r"\varph"]


def test_what_is_in_a_product_multiplies_to_it() -> None:
    reply = derive(ONE, layout="numerator", wrt=["b1"])
    (term,) = reply["gradients"]["b1"]["terms"]
    found = np.eye(1)
    for factor in term["factors"]:
        found = found @ printed(factor["numbers"][0])
    wanted = run("gradients", {**ONE, "layout": "numerator", "wrt": ["b1"]})["gradients"]["b1"]
    np.testing.assert_allclose(found, wanted, rtol=2e-3)


def test_a_batch_is_a_sum_over_examples_and_a_penalty_stands_outside_of_it() -> None:
    gradient = derive()["gradients"]["W1"]
    assert [term["over_examples"] for term in gradient["terms"]] == [True, False]
    assert r"\sum_{m=1}^{N} \left(" in gradient["latex"]
    assert gradient["latex"].endswith(r"\right)_{m} + \frac{\partial R_{1}}{\partial W^{(1)}}")


def test_values_of_a_batch_have_an_equation_for_each_example() -> None:
    reply = derive(wrt=["x"])
    assert reply["gradients"]["x"]["by_example"]
    assert len(reply["gradients"]["x"]["numbers"]) == 2
    assert len(reply["forward"][0]["numbers"]) == 2
    many = derive(inputs=[[1, 2, 0.5]] * 4, targets=[[0, 1]] * 4, wrt="all")
    assert not many["forward"][0]["numbers"]
    assert not many["gradients"]["x"]["numbers"]
    assert many["gradients"]["W1"]["numbers"]


def test_without_numbers_nothing_is_computed() -> None:
    reply = derive(numbers=False, wrt="all", document=True)
    assert not any(step["numbers"] for step in reply["forward"])
    assert not any(gradient["numbers"] for gradient in reply["gradients"].values())
    assert "pmatrix" not in reply["document"]


def test_of_another_value_the_chain_is_a_jacobian() -> None:
    reply = derive(ONE, of="y_hat", wrt=["x"], layout="numerator")
    assert reply["gradients"]["x"]["latex"] == (
        r"\frac{\partial \tilde{y}}{\partial x} = \frac{\partial \tilde{y}}{\partial s_{2}} \, W^{(2)} \, "
        r"\frac{\partial a_{1}}{\partial s_{1}} \, W^{(1)}"
    )
    assert reply["gradients"]["x"]["shape"] == [2, 3]
    assert reply["gradients"]["x"]["space"] == r"\mathbb{R}^{K \times n}"


def test_without_a_loss_it_is_the_output_that_is_differentiated() -> None:
    request = {key: value for key, value in ONE.items() if key not in ("loss", "targets", "penalties")}
    assert derive(request, wrt=["x"])["gradients"]["x"]["left"] == r"\frac{\partial a_{2}}{\partial x}"


@pytest.mark.parametrize(
    ("fields", "pointer", "message"),
    [
        ({"of": "nothing"}, "/of", "there is no such name"),
        ({"wrt": ["nothing"]}, "/wrt/0", "there is no such name"),
        ({"wrt": ["y"]}, "/wrt/0", "y is the targets"),
        ({"wrt": []}, "/wrt", "nothing to differentiate"),
        ({"of": "C", "loss": None, "penalties": []}, "/of", "give a loss and targets"),
        ({"numbers": 1}, "/numbers", "true or false"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], pointer: str, message: str) -> None:
    given = {name: value for name, value in {**NET, **fields}.items() if value is not None}
    with pytest.raises(Refused, match=message) as refused:
        run("derivation", given)
    assert refused.value.faults[0].pointer == pointer


def test_a_layout_is_refused_where_a_value_on_the_way_is_too_tall() -> None:
    tall = {"network": {"layers": [{"op": "tanh"}, {"op": "sum"}]}, "inputs": np.ones((1, 2, 2, 2)).tolist()}
    asked = {**tall, "wrt": ["x"], "backend": "numpy"}
    assert derive(asked)["gradients"]["x"]["shape"] == [2, 2, 2]
    with pytest.raises(Refused, match="rank 3"):
        derive(asked, layout="numerator")


def deep(count: int) -> dict[str, Any]:
    """A chain of so many nodes."""
    nodes = [{"name": f"n{i}", "op": "tanh", "inputs": [f"n{i - 1}" if i else "x"]} for i in range(count)]
    return {"network": {"nodes": nodes, "output": f"n{count - 1}"}, "inputs": [[0.5, 1]], "wrt": ["x"]}


def test_the_reply_of_a_deep_network_grows_with_its_depth_alone() -> None:
    short, long = (len(encode(derive({**deep(count), "backend": "numpy"}))) for count in (500, 1000))
    assert long < 2.1 * short


def test_what_would_write_too_much_is_refused_at_once() -> None:
    taken = [[f"n{j}" for j in range(max(0, i - 60), i)] for i in range(1, 1000)]
    others = [{"name": f"n{i}", "op": "add", "inputs": [*names, "x"]} for i, names in enumerate(taken, start=1)]
    nodes = [{"name": "n0", "op": "tanh", "inputs": ["x"]}, *others]
    asked = {"network": {"nodes": nodes, "output": "n999"}, "inputs": [[0.5]], "wrt": ["x"]}
    with Stopwatch() as watch, pytest.raises(Refused, match="the limit is"):
        derive(asked)
    assert watch.seconds < 20


def test_it_is_stopped_where_nobody_waits() -> None:
    call = Calls().take("derivation", {**NET, "wrt": "all"})
    with pytest.raises(Cancelled):
        call.run(lambda: True)


def test_class_weights_smoothing_and_what_is_left_out_are_told() -> None:
    request = {
        "network": {"layers": [{"op": "linear", "weight": [[1, 2], [0, 1], [1, 1]]}]},
        "inputs": [[1, 2], [0, 1]],
        "targets": [2, 0],
        "loss": {
            "op": "cross_entropy",
            "class_weights": [1, 2, 0.5],
            "label_smoothing": 0.1,
            "ignore_index": 1,
        },
        "backend": "numpy",
    }
    told = " ".join(derive(request)["jacobians"]["C/s1"]["where"])
    for letter in ("t_{", "p_{", "w = ", "D = "):
        assert letter in told
    assert r"\left(1, 2, 0.5\right)" in told


def test_the_warnings_are_those_of_gradients() -> None:
    layers = [{"op": "linear", "weight": [[1e200]]}, {"op": "square"}]
    request = {"network": {"layers": layers}, "inputs": [[1e200]], "targets": [[0.0]], "loss": "mse"}
    assert run("derivation", {**request, "backend": "numpy"})["warnings"] == ["not finite: gradients.W1"]
    saturated = {"network": {"layers": [{"op": "identity"}]}, "inputs": [[0.0, 1.0]], "targets": [[1.0, 0.0]]}
    both = [
        run(name, {**saturated, "loss": "bce", "wrt": ["x"], "backend": "numpy"})
        for name in ("derivation", "gradients")
    ]
    assert "predictions are exactly 0 or 1" in both[0]["warnings"][0]
    assert both[0]["warnings"][0] == both[1]["warnings"][0]
