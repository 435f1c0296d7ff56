"""Right answers are never called wrong: in float32, rounded as far as asked, for one example, in other shapes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from chainrule.grading import Policy, Unreadable
from chainrule.grading.report import Report
from grading.by_hand.net import Net, Shape, draw
from grading.by_hand.solve import Answers, solve
from grading.submitting import answers_in, every_gradient, everything, grader_of, usual
from grading.sweep import every_shape

SHAPE = Shape((3, 7, 5), 11, ("relu3", "identity"), "squared_error")
NET = draw(SHAPE, 1)
TRUTH = solve(NET)
GRADER = grader_of(NET)


def statuses(report: Report) -> set[str]:
    return {item.status for item in report.items}


def status(answers: dict[str, Any], policy: Policy | None = None) -> str:
    (item,) = GRADER.grade(answers, policy or Policy()).items
    return item.status


# -- precision --------------------------------------------------------------------------------------------------
def as_type(net: Net, dtype: type) -> Net:
    """The net with its numbers in another precision."""
    targets = net.y if net.y.dtype.kind == "i" else net.y.astype(dtype)
    weights, biases = ([each.astype(dtype) for each in arrays] for arrays in (net.W, net.b))
    return replace(net, x=net.x.astype(dtype), y=targets, W=tuple(weights), b=tuple(biases))


def nets(seeds: range) -> Iterator[Net]:
    for shape in every_shape():
        yield from (draw(shape, seed) for seed in seeds)


def wrong_in_float32(net: Net) -> list[str]:
    single = as_type(net, np.float32)
    grader = grader_of(as_type(single, np.float64), dtype="float32")
    answers = answers_in(everything(net.shape), solve(single))
    assert {answer.dtype for answer in answers.values() if not isinstance(answer, Unreadable)} == {np.dtype("float32")}
    return [
        f"{net.shape}: {item.quantity}, off by {item.max_rel} of the largest entry"
        for item in grader.grade(answers, Policy()).items
        if item.status != "correct"
    ]


def wrong_when_rounded(net: Net) -> list[str]:
    rounded = {name: np.round(value, 4) for name, value in answers_in(everything(net.shape), solve(net)).items()}
    report = grader_of(net).grade(rounded, Policy(places=4))
    return [f"{net.shape}: {item.quantity}" for item in report.items if item.status != "correct"]


def test_float32_is_precise_enough() -> None:
    wrong = [each for shape in list(every_shape())[::8] for each in wrong_in_float32(draw(shape, 0))]
    assert not wrong, "\n".join(wrong)


def test_four_places_are_enough_where_four_are_asked_for() -> None:
    wrong = [each for shape in list(every_shape())[::8] for each in wrong_when_rounded(draw(shape, 0))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_float32_is_precise_enough_in_every_net() -> None:
    wrong = [each for net in nets(range(13)) for each in wrong_in_float32(net)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_four_places_are_enough_in_every_net() -> None:
    wrong = [each for net in nets(range(13)) for each in wrong_when_rounded(net)]
    assert not wrong, "\n".join(wrong)


def test_three_places_are_not_enough_where_four_are_asked_for() -> None:
    rounded = {name: np.round(value, 3) for name, value in answers_in(usual(SHAPE), TRUTH).items()}
    assert "wrong" in statuses(GRADER.grade(rounded, Policy(places=4)))


# -- numbers that are none --------------------------------------------------------------------------------------
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("policy", [Policy(), Policy(places=1), Policy(rtol=1e6, atol=1e6), Policy(layout="either")])
def test_what_is_not_finite_is_never_right(value: float, policy: Policy) -> None:
    for name in everything(SHAPE):
        answer = TRUTH[name].astype(float).copy()
        answer.flat[0] = value
        assert status({name: answer}, policy) == "nonfinite", name
        assert status({name: np.full_like(TRUTH[name], value)}, policy) == "nonfinite", name


# -- shapes -----------------------------------------------------------------------------------------------------
def one_example(answers: Answers) -> Answers:
    """Without the batch axis where there is one."""
    batched = ("outputs", "values.", "gradients.a", "gradients.s", "gradients.x", "gradients.y_hat")
    return {name: value[0] if name.startswith(batched) else value for name, value in answers.items()}


@pytest.mark.parametrize(
    ("functions", "loss"), [(("tanh", "sigmoid"), "bce"), (("relu3", "identity"), "cross_entropy")]
)
def test_one_example_without_a_batch_axis(functions: tuple[str, ...], loss: str) -> None:
    net = draw(Shape((3, 7, 5), 1, functions, loss), 2)
    names, grader = every_gradient(net.shape), grader_of(net, batched=False)
    right = answers_in(names, one_example(solve(net)))
    assert statuses(grader.grade(right, Policy())) == {"correct"}
    flipped = solve(net, {("back through the loss", 0): lambda here: -here.right})
    report = grader.grade(answers_in(names, one_example(flipped)), Policy())
    (mistake,) = report.diagnosis
    assert mistake.findings[0].code == "sign"
    assert report.score == report.max_score - 1


def test_a_biass_gradient_may_be_a_row_or_a_column_where_any_shape_is_allowed() -> None:
    right = TRUTH["gradients.b2"]
    for answer in (right, right[None, :], right[:, None]):
        assert status({"gradients.b2": answer}, Policy(bias_shape="any")) == "correct"
        strict = status({"gradients.b2": answer})
        assert strict == ("correct" if answer.ndim == 1 else "shape")
    assert status({"gradients.b2": 2 * right[None, :]}, Policy(bias_shape="any")) == "wrong"


# -- points -----------------------------------------------------------------------------------------------------
def test_entries_that_are_right_count_where_there_is_partial_credit() -> None:
    answer = TRUTH["gradients.W1"].copy()
    answer[:2] += 1.0
    for partial, points in (("none", 0.0), ("entries", 7.0 * 15 / 21)):
        report = GRADER.grade({"gradients.W1": answer}, Policy(partial=partial), {"gradients.W1": 7.0})
        assert report.score == pytest.approx(points)
        assert report.max_score == 7.0


def test_what_is_worth_points_and_not_there_is_missing() -> None:
    points = {"gradients.W1": 2.0, "gradients.W2": 3.0}
    report = GRADER.grade({"gradients.W1": TRUTH["gradients.W1"], "loss": TRUTH["loss"]}, Policy(), points)
    assert {item.quantity: (item.status, item.points) for item in report.items} == {
        "loss": ("correct", 0.0),
        "gradients.W2": ("missing", 0.0),
        "gradients.W1": ("correct", 2.0),
    }
    assert report.max_score == 5.0


# -- kinks ------------------------------------------------------------------------------------------------------
def test_another_subgradient_at_a_kink_has_full_points() -> None:
    net = draw(SHAPE, 4)
    net.W[1][2], net.b[1][2] = 0.0, 0.0  # the third unit is at its kink in every example
    names = usual(SHAPE)
    other = solve(net, {("back through the activation", 1): lambda here: here.g * np.where(here.s >= 0, 3.0, 0.0)})
    report = grader_of(net).grade(answers_in(names, other), Policy())
    at_kink = {item.quantity for item in report.items if item.status == "at_kink"}
    assert at_kink == {"gradients.W1", "gradients.b1"}
    assert report.score == report.max_score
    assert not report.diagnosis
    assert statuses(grader_of(net).grade(answers_in(names, solve(net)), Policy())) == {"correct"}
