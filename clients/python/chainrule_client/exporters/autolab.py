"""Autolab: the last line that the grader prints."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from chainrule_client.exporters import checking
from chainrule_client.exporters.failures import NOT_GRADED, notice
from chainrule_client.exporters.marks import Marks, Report, marks, summary

PROBLEM = "chainrule"
"""The problem that all points go to, unless others are named. The assessment has to define it."""


def export(report: Report, *, problem: str | Mapping[str, str] = PROBLEM) -> str:
    """What to print: a line or more for each quantity, and the scores on the last line.

    problem: the problem that all points go to, or a mapping of quantities to problems, which then has to name all.
    Raises ValueError for what is no report, and for a problem that Autolab could not read.
    """
    found = marks(report)
    scores = _scores(found, problem)
    for name in scores:
        if ":" in name:
            raise ValueError(f"the problem {name!r} has a colon, on which Autolab's parser breaks")
    told = [f"{mark.name}  {mark.points:g} of {mark.max_points:g}\n{_indented(mark.text)}" for mark in found]
    # A first line break: what was printed before may have ended without one.
    return "\n".join(["", *told, summary(found), json.dumps({"scores": scores}, allow_nan=False), ""])


def failure(reason: str) -> str:
    """What to print for a fault of ours: a sentence, and no line of scores.

    Autolab then keeps a score that there is; where there is none, it stores 0 and shows this sentence.
    """
    return f"\n{notice(reason)}\n"


def validate(text: str) -> list[str]:
    """What is wrong with the whole output of a grader, stdout and stderr; nothing where all is well."""
    lines = text.rstrip().splitlines()
    if not lines:
        return ["nothing was printed"]
    says_so = any(line.startswith(NOT_GRADED) for line in lines)
    tree, faults = checking.as_object(lines[-1])
    if faults:
        return [] if says_so else [f"the last line holds no scores: it is {faults[0]}"]
    return _faults_of_scores(tree.get("scores"), says_so)


def emit(text: str) -> None:
    """Print, and see to it that nothing follows: what libraries or threads print from now on is thrown away."""
    sys.stderr.flush()
    sys.stdout.write(text)
    sys.stdout.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            os.dup2(nowhere, stream.fileno())
        except (OSError, ValueError):  # captured, by a test or a notebook: it has no file
            continue


def _scores(found: Marks, problem: str | Mapping[str, str]) -> dict[str, float]:
    if isinstance(problem, str):
        return {problem: found.score}
    scores: dict[str, float] = {}
    for mark in found:
        if mark.name not in problem:
            raise ValueError(f"no problem is named for {mark.name}")
        name = problem[mark.name]
        scores[name] = scores.get(name, 0.0) + mark.points
    return scores


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _faults_of_scores(scores: Any, says_so: bool) -> list[str]:
    if not (isinstance(scores, dict) and scores):
        return ["scores: an object with a number for each problem is wanted"]
    faults = list(checking.numbers(scores, list(scores), "scores."))
    faults += [f"scores: {name!r} has a colon, on which Autolab's parser breaks" for name in scores if ":" in name]
    if says_so:
        faults.append("a submission that was not graded has no line of scores")
    return faults
