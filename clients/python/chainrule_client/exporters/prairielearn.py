"""PrairieLearn: `results.json` of an external grader."""

from __future__ import annotations

import json
from typing import Any

from chainrule_client.exporters import checking
from chainrule_client.exporters.failures import notice
from chainrule_client.exporters.marks import Mark, Marks, Report, marks, summary

RESULTS = "/grade/results/results.json"
LARGEST = 1 << 20
"""Bytes that the platform reads."""

_SHORT = 200
_CUT = "The messages were too long to be shown in full."


def export(report: Report) -> str:
    """A report as `results.json`: a test for each quantity, and the score as a part of 1.

    Messages are cut where the file would be larger than the platform reads. Raises ValueError for what is no report,
    and where no points can be had: then there is no score.
    """
    found = marks(report)
    if not found.max_score > 0:
        raise ValueError("no points can be had, so there is no score between 0 and 1")
    for longest in (None, _SHORT, 0):
        text = _dump(_results(found, longest))
        if len(text) <= LARGEST:
            return text
    return _dump({**_results(found, 0), "tests": [], "message": f"{summary(found)}. {_CUT}"})


def failure(reason: str) -> str:
    """`results.json` for a fault of ours: not gradable, which costs neither points nor an attempt.

    The grader has to end with exit status 0, or this is not read.
    """
    return _dump({"gradable": False, "message": notice(reason)})


def validate(text: str) -> list[str]:
    """What is wrong with a `results.json`, in sentences; nothing where all is well."""
    tree, faults = checking.as_object(text)
    if faults:
        return faults
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST:
        faults.append(f"it is larger than {LARGEST} bytes")
    faults += _faults_of_the_whole(tree)
    faults += _faults_of_images(tree, faults, "")
    tests = checking.objects(tree, "tests", faults)
    for position, test in enumerate(tests):
        faults += _faults_of_a_test(test, f"tests[{position}].")
    pointed = [{"points", "max_points"} <= set(test) for test in tests]
    if not all(pointed):
        faults.append("tests: one test without points and max_points turns the table off for all")
    return faults


def _results(found: Marks, longest: int | None) -> dict[str, Any]:
    """`longest`: how many characters of a message are kept; None for all."""
    return {
        "gradable": True,
        "score": min(max(found.score / found.max_score, 0.0), 1.0),
        "message": summary(found) if longest is None else f"{summary(found)}. {_CUT}",
        "tests": [_test(mark, longest) for mark in found],
    }


def _test(mark: Mark, longest: int | None) -> dict[str, Any]:
    return {"name": mark.name, "points": mark.points, "max_points": mark.max_points, "message": mark.text[:longest]}


def _dump(tree: dict[str, Any]) -> str:
    return json.dumps(tree, allow_nan=False)


def _faults_of_the_whole(tree: dict[str, Any]) -> checking.Faults:
    if not isinstance(tree.get("gradable", True), bool):
        yield "gradable: true or false is wanted"
    elif tree.get("gradable", True) and not checking.is_number(tree.get("score")):
        yield "score: a finite number is wanted, unless gradable is false"
    elif "score" in tree and not (checking.is_number(tree["score"]) and 0 <= tree["score"] <= 1):
        yield f"score: a number from 0 to 1 is wanted, not {tree['score']!r}"
    yield from checking.texts(tree, ("message", "output"), "")
    errors = tree.get("format_errors", [])
    if not isinstance(errors, str) and not _are_texts(errors):
        yield "format_errors: text or a list of text is wanted"


def _faults_of_a_test(test: Any, at: str) -> checking.Faults:
    yield from checking.numbers(test, ("points", "max_points"), at)
    yield from checking.texts(test, ("name", "description", "message", "output"), at)
    faults: list[str] = []
    yield from _faults_of_images(test, faults, at)
    yield from (f"{at}{fault}" for fault in faults)


def _faults_of_images(tree: Any, faults: list[str], at: str) -> checking.Faults:
    for position, image in enumerate(checking.objects(tree, "images", faults)):
        where = f"{at}images[{position}]."
        yield from checking.texts(image, ("label",), where)
        if not str(image.get("url", "")).startswith("data:"):
            yield f"{where}url: a data URL is wanted"


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
