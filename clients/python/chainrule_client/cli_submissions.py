"""The submissions of a class as a file has them, a line of JSON each. A line that is none keeps no other from being
graded."""

from __future__ import annotations

import json as json_text
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from chainrule_client.classes.graded import Graded, Id, id_of
from chainrule_client.cli_running import contents
from chainrule_client.errors import InvalidRequest

Line: TypeAlias = dict[str, Any] | Graded
"""A submission, or in its place what is said of a line that is none."""


def lines_of(file: Path) -> list[Line]:
    """What each line holds, blank ones left out. Raises ValueError where the file cannot be read."""
    _, text = contents(file)
    found: list[Line] = []
    first: dict[Id, int] = {}
    for number, line in enumerate(text.split(b"\n"), start=1):
        if line.strip():
            found.append(_line(line, number, first))
    return found


def together(lines: Sequence[Line], graded: Sequence[Graded]) -> list[Graded]:
    """What became of each line. `graded`: of those that are submissions, in the same order."""
    answers = iter(graded)
    return [line if isinstance(line, Graded) else next(answers) for line in lines]


def broken(lines: Sequence[Line]) -> list[Graded]:
    """Those that are no submission."""
    return [line for line in lines if isinstance(line, Graded)]


def _line(text: bytes, number: int, first: dict[Id, int]) -> Line:
    """`first`: the line on which each id stood first, to which this one's is added."""
    try:
        submission = _parsed(text)
        id = id_of(submission)
        if id in first:
            # The first counts: which of them is meant nobody can tell, and the resume file has room for one.
            raise ValueError(f"the id {id!r} stands on line {first[id]} already; it tells one from all others")
    except ValueError as error:
        # Not called by its id, even if it has one: of the rows of a table one alone should be a student's.
        return Graded(f"line {number}", error=InvalidRequest(422, "Submission not valid", str(error)))
    first[id] = number
    return submission


def _parsed(text: bytes) -> dict[str, Any]:
    """The object, which may hold NaN."""
    try:
        found = json_text.loads(text)
    except json_text.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg}, at character {error.pos + 1}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError('a submission is an object: {"id": …, "answers": …}')
    return found
