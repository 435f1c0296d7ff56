"""The homework's two wrong answers are found, with the reason, and what is a layout is no mistake."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule.grading import Grader, Policy
from chainrule.operations.calls import Calls
from grading.by_hand.net import Net, Shape, draw
from grading.by_hand.solve import solve
from grading.submitting import answers_in, grader_of, parameters, usual


def net_of(f: str, g: str, loss: str) -> Net:
    return draw(Shape((3, 7, 5), 11, (f, g), loss), 13)


def test_the_sheets_bce_derivative_has_its_sign_flipped() -> None:
    """(1/K)(y − ŷ)/(ŷ − ŷ²) in 1.3b."""
    net = net_of("tanh", "sigmoid", "bce")
    answers = solve(
        net, {("back through the loss", 0): lambda here: (net.y - here.a) / (here.a - here.a**2) / here.a.size}
    )
    report = grader_of(net).grade(answers_in(usual(net.shape), answers), Policy())
    (mistake,) = report.diagnosis
    assert ("sign", "C") in {(each.code, each.at) for each in (*mistake.findings, *mistake.either)}
    assert mistake.explains == ["gradients.y_hat"]
    items = {item.quantity: item for item in report.items}
    assert items["gradients.y_hat"].status == "wrong"
    for name in parameters(net.shape):
        assert (items[name].status, items[name].follows_from) == ("correct_given_own_work", "gradients.y_hat")


def of_linear_maps(*weights: np.ndarray[Any, Any]) -> Grader:
    """h = g ∘ f of two linear maps, at one x."""
    layers = [{"op": "linear", "weight": weight, "bias": np.zeros(len(weight))} for weight in weights]
    document = {"network": {"layers": layers}, "inputs": np.ones(weights[0].shape[1]), "batched": False}
    call = Calls().take("jacobians", {**document, "pairs": [{"of": "y_hat", "wrt": "x"}], "backend": "numpy"})
    prepared = call.operation.prepared
    return Grader(prepared.plan, prepared.host_leaves(call.arrays), batched=False)


def test_the_sheets_jacobian_of_a_composition_has_a_factor_transposed() -> None:
    """W₁ᵀW₁ in 1.4e, where it is W₁W₁."""
    w = np.random.default_rng(0).normal(size=(5, 5))
    name = "jacobians.y_hat/x"
    report = of_linear_maps(w, w).grade({name: w.T @ w}, Policy())
    (mistake,) = report.diagnosis
    assert "weight_transposed" in {each.code for each in (*mistake.findings, *mistake.either)}
    assert of_linear_maps(w, w).grade({name: w @ w}, Policy()).score == 1


def test_jacobians_multiplied_in_the_reverse_order_are_called_that() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(5, 5)), rng.normal(size=(5, 5))
    report = of_linear_maps(first, second).grade({"jacobians.y_hat/x": first @ second}, Policy())
    (mistake,) = report.diagnosis
    assert mistake.findings[0].code == "order_reversed"


@pytest.mark.parametrize(("f", "g", "loss"), [("relu3", "identity", "squared_error"), ("tanh", "sigmoid", "bce")])
def test_weight_gradients_in_numerator_layout(f: str, g: str, loss: str) -> None:
    net = net_of(f, g, loss)
    right = answers_in(usual(net.shape), solve(net))
    sheet = {name: value.T if name.startswith("gradients.W") else value for name, value in right.items()}
    grader = grader_of(net)
    assert {item.status for item in grader.grade(sheet, Policy(layout="either")).items} == {"correct"}
    rows = {name: value[..., None, :] if name.startswith("gradients.b") else value for name, value in sheet.items()}
    rows["gradients.y_hat"] = sheet["gradients.y_hat"][:, None, :]
    assert {item.status for item in grader.grade(rows, Policy(layout="numerator")).items} == {"correct"}
    report = grader.grade(sheet, Policy(layout="torch"))
    (mistake,) = report.diagnosis
    assert [(each.code, each.at) for each in mistake.findings] == [("transposed", "W2"), ("transposed", "W1")]
    assert [item.quantity for item in report.items if not item.is_right] == ["gradients.W2", "gradients.W1"]
    assert {item.status for item in grader.grade(right, Policy(layout="either")).items} == {"correct"}
