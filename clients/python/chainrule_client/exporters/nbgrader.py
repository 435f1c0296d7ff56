"""nbgrader: the value of an autograded test cell is its grade."""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Callable, Iterator
from math import inf, isinf

from chainrule_client.exporters.failures import NotGraded, notice, reason_for
from chainrule_client.exporters.marks import Marks, Report, marks, summary

STOP = inf
"""A value above the cell's points, on which nbgrader stops.

An error in the cell would be recorded as 0 points. Stopped, nbgrader stores no grade for the cell, which then waits to
be graded by hand, and it names the submission among those that could not be processed.
"""


def grade(calculate: Callable[[], Report], *, max_points: float) -> float:
    """The last expression of a test cell: its points, out of the cell's `max_points`. Prints what the student reads.

    Nothing reaches stderr, which would make the grade 0. Where `calculate` fails, the fault is ours: the value is one
    that stops nbgrader. In `nbgrader validate`, which a student runs, NotGraded is raised instead.
    """
    try:
        with _silenced():
            found = marks(calculate())
            value = _value(found, max_points)
    except Exception as error:
        said = notice(reason_for(error))
        if os.environ.get("NBGRADER_EXECUTION") == "validate":
            raise NotGraded(said) from None
        print(said)
        return STOP
    print("\n".join([*(f"{mark.name}: {mark.text}" for mark in found), summary(found)]))
    return value


def export(report: Report, *, max_points: float | None = None) -> str:
    """What the cell shows as its value. Without `max_points` the cell is worth what the report is."""
    found = marks(report)
    return repr(_value(found, found.max_score if max_points is None else max_points))


def failure(reason: str) -> str:
    """What the cell shows for a fault of ours, on which nbgrader stops. The reason is for the cell to print."""
    return repr(STOP)


def validate(text: str, *, max_points: float | None = None, stderr: str = "") -> list[str]:
    """What is wrong with what a cell shows as its value; nothing where all is well."""
    faults = ["something was written to stderr, which makes the grade 0"] if stderr else []
    try:
        value = float(text)
    except ValueError:
        return [*faults, f"{text.strip()[:80]!r} is not a built-in float, so it counts as full marks"]
    if value != value:
        return [*faults, "NaN counts as full marks"]
    if value == STOP:
        return faults
    if "." not in text and "e" not in text.lower():
        faults.append(f"{text.strip()!r} is not a built-in float")
    if value < 0 or isinf(value):
        faults.append("a negative grade counts as full marks")
    if max_points is not None and value > max_points:
        faults.append(f"a grade above {max_points:g}, which the cell is worth, stops nbgrader")
    return faults


def _value(found: Marks, max_points: float) -> float:
    if not found.max_score > 0:
        raise ValueError("no points can be had, so there is no grade")
    return float(min(max(found.score / found.max_score, 0.0), 1.0) * max_points)


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
