"""Each level of feedback tells its own fields and those of the levels below it, and none but the last the truth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from chainrule.grading import LEVELS, Feedback, Policy
from chainrule.grading.report import Report
from grading.by_hand.net import Shape, draw
from grading.by_hand.slips import every
from grading.by_hand.solve import solve
from grading.submitting import answers_in, everything, grader_of

SHAPE = Shape((3, 7, 5), 11, ("tanh", "sigmoid"), "bce")
NET = draw(SHAPE, 6)
NAMES = everything(SHAPE)
TRUTH = solve(NET)
GRADER = grader_of(NET)

FIELDS: dict[Feedback, set[str]] = {
    "verdict": {"quantity", "status", "points", "max_points", "message"},
    "shape": {"follows_from", "shape", "wanted_shape"},
    "count": {"wrong", "total"},
    "indices": {"indices", "diagnosis"},
    "magnitude": {"max_abs", "max_rel", "tolerance"},
    "values": {"expected"},
}


def wrong_reports() -> list[Report]:
    slips = [slip for number, slip in enumerate(every(SHAPE)) if number % 7 == 0]
    submissions = [answers for answers in (slip.answers(NET) for slip in slips) if answers is not None]
    noise = {name: np.random.default_rng(0).normal(size=TRUTH[name].shape) for name in NAMES}
    submissions += [noise, {name: value[..., None] for name, value in TRUTH.items()}]
    return [GRADER.grade(answers_in(NAMES, answers), Policy()) for answers in submissions]


REPORTS = wrong_reports()


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_tells_its_fields_and_those_below(level: Feedback) -> None:
    allowed = set().union(*(FIELDS[each] for each in LEVELS[: LEVELS.index(level) + 1]))
    told = [item for report in REPORTS for item in report.told(level)["items"]]
    assert set().union(*told) == allowed
    for report in REPORTS:
        reply = report.told(level)
        assert set(reply) == {"score", "max_score", "first_error", "items", "diagnosis", "feedback"}
        assert reply["feedback"] == level


@pytest.mark.parametrize("level", LEVELS)
def test_mistakes_are_named_from_indices_on_and_their_constants_from_magnitude_on(level: Feedback) -> None:
    mistakes = [mistake for report in REPORTS for mistake in report.told(level)["diagnosis"]]
    codes = [item for report in REPORTS for item in report.told(level)["items"] if item.get("diagnosis")]
    named = LEVELS.index(level) >= LEVELS.index("indices")
    assert bool(mistakes) == bool(codes) == named
    assert any("value" in mistake for mistake in mistakes) == (LEVELS.index(level) >= LEVELS.index("magnitude"))


@pytest.mark.parametrize("level", LEVELS[:-1])
def test_below_values_the_truth_is_told_nowhere(level: Feedback) -> None:
    truth = np.concatenate([TRUTH[name].reshape(-1) for name in NAMES])
    for report in REPORTS:
        for number in numbers(report.told(level)):
            near = np.abs(truth - number) <= 1e-6 * np.abs(truth)
            assert not near.any(), f"{number} is a number of the truth"


@pytest.mark.parametrize("level", LEVELS[:2])
def test_below_count_no_sentence_tells_how_many_entries_are_wrong(level: Feedback) -> None:
    for report in REPORTS:
        for item in report.told(level)["items"]:
            if item["status"] != "shape":
                said = item["message"].replace(item.get("follows_from", "gradients"), "")
                assert not any(letter.isdigit() for letter in said), item


def test_at_verdict_no_sentence_tells_a_shape() -> None:
    for report in REPORTS:
        assert not any(letter.isdigit() for item in report.told("verdict")["items"] for letter in item["message"])


def test_without_a_diagnosis_none_is_told() -> None:
    answers = solve(NET, {("back through the loss", 0): lambda here: -here.right})
    report = GRADER.grade(answers_in(NAMES, answers), Policy(diagnose=False))
    reply = report.told("values")
    assert not reply["diagnosis"]
    assert not any("diagnosis" in item for item in reply["items"])
    assert report.score == report.max_score - 1  # what follows from the first is right all the same


def numbers(told: Any) -> Iterator[float]:
    """Every number in a reply that is no index, count or shape."""
    if isinstance(told, dict):
        for value in told.values():
            yield from numbers(value)
    elif isinstance(told, list | tuple):
        for value in told:
            yield from numbers(value)
    elif isinstance(told, np.ndarray):
        yield from map(float, told.reshape(-1))
    elif isinstance(told, float) and not told.is_integer():
        yield told
