"""Wrong answers that no mistake leads to are given no diagnosis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from chainrule.grading import Grader, Policy
from grading.by_hand.net import Shape, draw
from grading.by_hand.solve import solve
from grading.submitting import answers_in, grader_of, usual

Array = NDArray[Any]
Answers = dict[str, Array]
Spoil = Callable[[np.random.Generator, Answers], Answers | None]

SHAPES = (
    Shape((3, 7, 5), 11, ("tanh", "sigmoid"), "bce"),
    Shape((3, 7, 5), 11, ("relu3", "identity"), "squared_error"),
    Shape((13, 11, 7), 5, ("sigmoid", "identity"), "cross_entropy"),
    Shape((7, 5), 11, ("softargmax",), "squared_error", "sum"),
)
MOST = 1e-3
"""The share of random answers that may get a diagnosis."""


def one_gaussian(rng: np.random.Generator, truth: Answers) -> Answers:
    """One tensor of noise, as large as the truth."""
    name = _one_of(rng, [name for name in truth if name != "loss"])
    return {name: _noise(rng, truth[name])}


def all_gaussian(rng: np.random.Generator, truth: Answers) -> Answers:
    return {name: _noise(rng, value) for name, value in truth.items()}


def one_entry(rng: np.random.Generator, truth: Answers) -> Answers:
    """One entry of the truth changed."""
    name = _one_of(rng, [name for name in truth if name != "loss"])
    changed = truth[name].copy()
    changed.flat[rng.integers(changed.size)] += rng.normal() * np.abs(changed).max()
    return {name: changed}


def rows_shuffled(rng: np.random.Generator, truth: Answers) -> Answers | None:
    name = _one_of(rng, [name for name in truth if name != "loss"])
    order = rng.permutation(len(truth[name]))
    return None if (order == np.arange(len(order))).all() else {name: truth[name][order]}


SPOILT: tuple[Spoil, ...] = (one_gaussian, all_gaussian, one_entry, rows_shuffled)


@pytest.mark.parametrize("spoil", SPOILT)
def test_random_answers_are_given_no_diagnosis(spoil: Spoil) -> None:
    _check(spoil, 100)


@pytest.mark.slow
@pytest.mark.parametrize("spoil", SPOILT)
def test_many_random_answers_are_given_no_diagnosis(spoil: Spoil) -> None:
    _check(spoil, 2000)


def test_a_constant_without_a_name_counts_with_three_entries_that_agree() -> None:
    for outputs, found in ((5, ["factor"]), (3, ["factor"]), (2, [])):
        shape = Shape((7, 11, outputs), 13, ("tanh", "identity"), "squared_error")
        net = draw(shape, 1)
        truth = answers_in(usual(shape), solve(net))
        report = grader_of(net).grade({**truth, "gradients.b2": 1.37 * truth["gradients.b2"]}, Policy())
        assert [each.findings[0].code for each in report.diagnosis] == found, outputs


FEW_NUMBERS = (
    Shape((3, 5, 3), 2, ("tanh", "identity"), "squared_error"),
    Shape((3, 5, 4), 6, ("tanh", "sigmoid"), "bce"),
)


@pytest.mark.parametrize("policy", [Policy(places=1), Policy(places=2), Policy(rtol=1e-2), Policy(rtol=1e-3)], ids=str)
@pytest.mark.parametrize("shape", FEW_NUMBERS, ids=str)
def test_where_much_is_near_enough_little_is_told(shape: Shape, policy: Policy) -> None:
    diagnosed, wrong = 0, 0
    for seed in range(40):
        net = draw(shape, seed)
        grader, truth, rng = grader_of(net), answers_in(usual(shape), solve(net)), np.random.default_rng(seed)
        for name in ("loss", "gradients.y_hat", "gradients.b2", "outputs"):
            noise = truth[name] * rng.uniform(0.3, 3.0, size=np.shape(truth[name]))
            report = grader.grade({**truth, name: np.round(noise, policy.places or 6)}, policy)
            wrong += report.first_error is not None
            diagnosed += bool(report.diagnosis)
    print(f"{diagnosed} of {wrong} wrong answers were given a diagnosis")
    assert diagnosed <= 0.02 * wrong


def test_where_much_is_near_enough_simple_constants_are_still_told() -> None:
    shape = FEW_NUMBERS[1]
    net = draw(shape, 0)
    truth = answers_in(usual(shape), solve(net))

    def told(name: str, factor: float, places: int) -> list[str]:
        answers = {**truth, name: np.round(factor * truth[name], places)}
        return [each.findings[0].code for each in grader_of(net).grade(answers, Policy(places=places)).diagnosis]

    assert told("loss", 4.0, 3) == ["reduction"]
    assert told("loss", 4.0, 1) == []
    assert told("gradients.W2", -1.0, 4) == ["sign"]
    assert told("gradients.W2", 1 / 6, 5) == ["averaged"]


def _check(spoil: Spoil, draws: int) -> None:
    diagnosed, wrong = 0, 0
    problems = [_problem(shape, seed) for shape in SHAPES for seed in range(5)]
    for seed in range(draws):
        grader, truth = problems[seed % len(problems)]
        spoilt = spoil(np.random.default_rng((1, seed)), truth)
        report = grader.grade({**truth, **spoilt}, Policy()) if spoilt is not None else None
        if report is not None and report.first_error is not None:
            wrong += 1
            diagnosed += bool(report.diagnosis)
    print(f"{spoil.__name__}: {diagnosed} of {wrong} wrong answers were given a diagnosis")
    assert wrong > 0.9 * draws
    assert diagnosed <= MOST * wrong


def _problem(shape: Shape, seed: int) -> tuple[Grader, Answers]:
    net = draw(shape, seed)
    return grader_of(net), dict(answers_in(usual(shape), solve(net)))  # type: ignore[arg-type]


def _one_of(rng: np.random.Generator, names: list[str]) -> str:
    return names[rng.integers(len(names))]


def _noise(rng: np.random.Generator, truth: Array) -> Array:
    return rng.normal(size=truth.shape) * np.abs(truth).max()
