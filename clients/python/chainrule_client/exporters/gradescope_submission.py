"""Who submitted to Gradescope, and what came before: `submission_metadata.json`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

METADATA = "/autograder/submission_metadata.json"


@dataclass(frozen=True)
class User:
    """One of those who submitted."""

    id: str
    email: str
    name: str


@dataclass(frozen=True)
class Previous:
    """An earlier submission: its score, where it has one, and the results it was given."""

    score: float | None
    results: Mapping[str, Any]


@dataclass(frozen=True)
class Submission:
    """A submission. `previous` is in the order of time."""

    id: str
    users: tuple[User, ...]
    previous: tuple[Previous, ...]

    @property
    def last_score(self) -> float | None:
        """The score of the latest submission before this one that has any."""
        return next((each.score for each in reversed(self.previous) if each.score is not None), None)


def read_submission(path: str | os.PathLike[str] = METADATA) -> Submission:
    """What Gradescope says of a submission. Raises OSError or ValueError where it cannot be read."""
    tree = json.loads(Path(path).read_text(encoding="utf-8"))
    if not isinstance(tree, Mapping):
        raise ValueError(f"{path} holds no JSON object")
    earlier = sorted(_objects(tree, "previous_submissions"), key=lambda each: str(each.get("submission_time", "")))
    return Submission(
        str(tree.get("id", "")),
        tuple(
            User(*(str(user.get(field, "")) for field in ("id", "email", "name"))) for user in _objects(tree, "users")
        ),
        tuple(Previous(_score(each.get("score")), _mapping(each.get("results"))) for each in earlier),
    )


def previous_score(path: str | os.PathLike[str]) -> float | None:
    """The latest score before this submission; None where there is none or nothing can be read, which is no error."""
    try:
        return read_submission(path).last_score
    except (OSError, ValueError, RecursionError):
        return None


def _objects(tree: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = tree.get(name)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _score(value: Any) -> float | None:
    """Numbers come as such, and in places as text."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if isfinite(found) else None
