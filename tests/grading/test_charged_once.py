"""One slip is one mistake: it is charged where it is made, and what follows from it is right given that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from chainrule import operations
from chainrule.grading import Policy
from chainrule.grading.report import Report
from grading.by_hand.net import Shape, draw
from grading.by_hand.solve import Answers, Place, Rule, solve
from grading.submitting import answers_in, every_gradient, grader_of, parameters, usual

SHAPE = Shape((3, 7, 5), 11, ("tanh", "sigmoid"), "bce")
NET = draw(SHAPE, 3)
TRUTH = solve(NET)
GRADER = grader_of(NET)


def graded(answers: Answers, names: list[str] | None = None, policy: Policy | None = None) -> Report:
    return GRADER.grade(answers_in(usual(SHAPE) if names is None else names, answers), policy or Policy())


def statuses(report: Report) -> dict[str, str]:
    return {item.quantity: item.status for item in report.items}


def with_slip(rules: Mapping[Place, Rule]) -> Answers:
    return solve(NET, rules)


def flipped(here: Any) -> Any:
    return -here.right


def test_what_follows_from_a_slip_has_full_points_and_says_what_it_follows_from() -> None:
    report = graded(with_slip({("back through the loss", 0): flipped}))
    assert report.first_error == "gradients.y_hat"
    assert report.score == report.max_score - 1
    for name in parameters(SHAPE):
        item = next(item for item in report.items if item.quantity == name)
        assert (item.status, item.follows_from) == ("correct_given_own_work", "gradients.y_hat")
    (mistake,) = report.diagnosis
    assert mistake.explains == ["gradients.y_hat"]
    assert sorted(mistake.follows) == sorted(parameters(SHAPE))


def test_without_follow_through_what_follows_has_no_points() -> None:
    report = graded(with_slip({("back through the loss", 0): flipped}), policy=Policy(follow_through=False))
    assert report.score == 2
    assert statuses(report)["gradients.W1"] == "correct_given_own_work"


def test_two_slips_are_two_mistakes_each_charged() -> None:
    rules: dict[Place, Rule] = {("back through the loss", 0): flipped, ("bias", 1): lambda here: here.right / 11}
    report = graded(with_slip(rules))
    assert [each.findings[0].code for each in report.diagnosis] == ["sign", "averaged"]
    assert [name for name, status in statuses(report).items() if status == "wrong"] == [
        "gradients.y_hat",
        "gradients.b1",
    ]


def test_an_answer_that_nothing_explains_is_own_work_that_others_may_follow_from() -> None:
    rng = np.random.default_rng(0)
    strange = rng.normal(size=TRUTH["gradients.y_hat"].shape)
    report = graded(with_slip({("back through the loss", 0): lambda _: strange}))
    assert not report.diagnosis
    assert statuses(report)["gradients.y_hat"] == "wrong"
    assert {statuses(report)[name] for name in parameters(SHAPE)} == {"correct_given_own_work"}


@pytest.mark.parametrize("names", [usual(SHAPE), every_gradient(SHAPE)], ids=["usual", "every gradient"])
def test_a_constant_moved_into_the_backward_pass_is_one_mistake_and_right_in_the_end(names: list[str]) -> None:
    rules: dict[Place, Rule] = {("back through the loss", 0): lambda here: here.right * 11}
    for layer in (1, 2):
        rules |= {(step, layer): lambda here: here.right / 11 for step in ("weight", "bias")}
    report = graded(with_slip(rules), names)
    assert {statuses(report)[name] for name in parameters(SHAPE)} == {"correct"}
    assert [name for name, status in statuses(report).items() if status == "wrong"] == ["gradients.y_hat"]
    (mistake,) = report.diagnosis
    (finding,) = mistake.findings
    assert (finding.code, finding.factor) == ("moved", "1/N")
    assert "right in the end" in finding.message
    assert not mistake.either


def test_zeros_are_one_mistake_but_nothing_follows_from_them() -> None:
    report = graded({**TRUTH, **{name: 0 * TRUTH[name] for name in usual(SHAPE) if name.startswith("gradients.")}})
    (mistake,) = report.diagnosis
    assert {finding.code for finding in mistake.findings} == {"zeros"}
    assert report.score == 2  # the outputs and the loss


def test_zeros_where_the_truth_is_zero_are_right() -> None:
    shape = Shape((3, 7, 5), 11, ("relu3", "identity"), "squared_error")
    net = draw(shape, 0)
    net.b[1][:] = -100.0  # no unit of the hidden layer is active
    truth = solve(net)
    assert not truth["gradients.W1"].any()
    report = grader_of(net).grade(answers_in(usual(shape), truth), Policy())
    assert {item.status for item in report.items} == {"correct"}


def test_a_mistake_made_in_every_layer_is_one_mistake() -> None:
    rules: dict[Place, Rule] = {("bias", layer): lambda here: here.right / 11 for layer in (1, 2)}
    (mistake,) = graded(with_slip(rules)).diagnosis
    assert [(finding.code, finding.at) for finding in mistake.findings] == [("averaged", "b2"), ("averaged", "b1")]


def test_every_quantity_rounded_is_one_mistake() -> None:
    rounded = {name: np.round(TRUTH[name], 4) for name in usual(SHAPE)}
    (mistake,) = graded(rounded).diagnosis
    assert {finding.code for finding in mistake.findings} == {"rounded"}


@pytest.mark.parametrize("function", ["sigmoid", "relu"])
def test_a_jacobian_follows_from_the_activation_that_was_taken_instead(function: str) -> None:
    rng = np.random.default_rng(0)
    x, first, second = rng.normal(size=(5, 3)), rng.normal(size=(4, 3)), rng.normal(size=(2, 4))
    layers = [{"op": "linear", "weight": first}, {"op": "tanh"}, {"op": "linear", "weight": second}]
    s = x @ first.T
    a = 1 / (1 + np.exp(-s)) if function == "sigmoid" else np.maximum(s, 0)
    slope = a * (1 - a) if function == "sigmoid" else 1.0 * (s > 0)
    answers = {
        "values": {"a1": a},
        "outputs": a @ second.T,
        "jacobians": {"a1/s1": slope[:, :, None] * np.eye(4), "y_hat/x": (second * slope[:, None, :]) @ first},
    }
    report = operations.run("grade", {"network": {"layers": layers}, "inputs": x, "answers": answers})
    assert [item["status"] for item in report["items"]] == ["wrong", *["correct_given_own_work"] * 3]
    assert [mistake["detail"] for mistake in report["diagnosis"]] == [function]
