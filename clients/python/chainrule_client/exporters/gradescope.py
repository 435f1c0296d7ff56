"""Gradescope: `results.json`, and who submitted, from `submission_metadata.json`."""

from __future__ import annotations

import json
import os
from typing import Any, Literal

from chainrule_client.exporters import checking
from chainrule_client.exporters.failures import NOT_GRADED, notice
from chainrule_client.exporters.gradescope_submission import METADATA, previous_score
from chainrule_client.exporters.marks import Mark, Report, marks, number, summary

RESULTS = "/autograder/results/results.json"

Visibility = Literal["hidden", "after_due_date", "after_published", "visible"]

_FORMATS = ("text", "html", "simple_format", "md", "ansi")
_VISIBILITIES = ("hidden", "after_due_date", "after_published", "visible")
_AS_TEXT = {"output_format": "text", "test_output_format": "text", "test_name_format": "text"}


def export(report: Report, *, execution_time: float | None = None, visibility: Visibility = "visible") -> str:
    """A report as `results.json`: a test for each quantity. `visibility` is that of all of it.

    Raises ValueError for what is no report, and for another visibility, with which the file would be refused.
    """
    if visibility not in _VISIBILITIES:
        raise ValueError(f"visibility is {', '.join(_VISIBILITIES)}, and not {visibility!r}")
    found = marks(report)
    return _dump(
        {
            "score": found.score,
            **({} if execution_time is None else {"execution_time": number(execution_time)}),
            "output": summary(found),
            **_AS_TEXT,
            "visibility": visibility,
            "extra_data": {"chainrule": {"graded": True, "max_score": found.max_score}},
            "tests": [_test(position, mark) for position, mark in enumerate(found, start=1)],
        }
    )


def failure(reason: str, *, metadata: str | os.PathLike[str] = METADATA) -> str:
    """`results.json` for a fault of ours: the score of the submission before this one, and "not graded".

    Where there is none before it, the score is 0, since the file is refused without one; the text says what it means.
    """
    kept = previous_score(metadata)
    carried = "" if kept is None else f" The score of your previous submission, {kept:g}, is kept."
    return _dump(
        {
            "score": kept or 0.0,
            "output": notice(reason) + carried,
            **_AS_TEXT,
            "visibility": "visible",
            "extra_data": {"chainrule": {"graded": False}},
            "tests": [],
        }
    )


def validate(text: str) -> list[str]:
    """What is wrong with a `results.json`, in sentences; nothing where all is well."""
    tree, faults = checking.as_object(text)
    if faults:
        return faults
    tests = checking.objects(tree, "tests", faults)
    faults += _faults_of_the_whole(tree)
    for position, test in enumerate(tests):
        faults += _faults_of_a_test(test, f"tests[{position}].")
    faults += _faults_of_the_leaderboard(checking.objects(tree, "leaderboard", faults))
    if "score" not in tree and not (tests and all("score" in test for test in tests)):
        faults.append("score: needed, since not every test has one")
    hidden = [test.get("visibility", tree.get("visibility", "visible")) == "hidden" for test in tests]
    if any(hidden) and not all(hidden):
        faults.append("tests: one hidden test hides the total; set the visibility of all of it")
    graded = tree.get("extra_data")
    if _ungraded(graded) and NOT_GRADED.lower() not in str(tree.get("output", "")).lower():
        faults.append(f'output: a submission that was not graded has to say "{NOT_GRADED.lower()}"')
    return faults


def _test(position: int, mark: Mark) -> dict[str, Any]:
    return {
        "score": mark.points,
        "max_score": mark.max_points,
        "status": "passed" if mark.full else "failed",
        "name": mark.name,
        "number": str(position),
        "output": mark.text,
    }


def _dump(tree: dict[str, Any]) -> str:
    return json.dumps(tree, allow_nan=False, indent=1)


def _ungraded(extra: Any) -> bool:
    ours = extra.get("chainrule") if isinstance(extra, dict) else None
    return isinstance(ours, dict) and ours.get("graded") is False


def _faults_of_the_whole(tree: dict[str, Any]) -> checking.Faults:
    known = ("score", "execution_time", "output", *_AS_TEXT, "visibility", "stdout_visibility", "extra_data")
    yield from checking.unknown(tree, (*known, "leaderboard", "tests"), "")
    yield from checking.numbers(tree, ("score", "execution_time"), "")
    yield from checking.texts(tree, ("output",), "")
    yield from checking.choices(tree, tuple(_AS_TEXT), _FORMATS, "")
    yield from checking.choices(tree, ("visibility", "stdout_visibility"), _VISIBILITIES, "")
    if not isinstance(tree.get("extra_data", {}), dict):
        yield "extra_data: an object is wanted"


def _faults_of_a_test(test: Any, at: str) -> checking.Faults:
    known = ("score", "max_score", "status", "name", "name_format", "number", "output", "output_format", "tags")
    yield from checking.unknown(test, (*known, "visibility", "extra_data"), at)
    yield from checking.numbers(test, ("score", "max_score"), at)
    yield from checking.texts(test, ("name", "number", "output"), at)
    yield from checking.choices(test, ("status",), ("passed", "failed"), at)
    yield from checking.choices(test, ("visibility",), _VISIBILITIES, at)
    yield from checking.choices(test, ("output_format", "name_format"), _FORMATS, at)
    tags = test.get("tags", [])
    if not (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)):
        yield f"{at}tags: a list of text is wanted"


def _faults_of_the_leaderboard(rows: Any) -> checking.Faults:
    for position, row in enumerate(rows):
        at = f"leaderboard[{position}]."
        yield from checking.unknown(row, ("name", "value", "order"), at)
        yield from checking.texts(row, ("name",), at)
        yield from checking.choices(row, ("order",), ("asc", "desc"), at)
        if not (isinstance(row.get("value"), str) or checking.is_number(row.get("value"))):
            yield f"{at}value: a finite number or text is wanted"
