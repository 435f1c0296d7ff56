"""What every platform is told of a report: a total, and a mark with a text for each quantity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, TypeAlias

Report: TypeAlias = Mapping[str, Any]
"""A reply of grading, or the JSON object that it is."""


@dataclass(frozen=True)
class Mark:
    """One quantity's part of a report, in built-in types."""

    name: str
    points: float
    max_points: float
    text: str

    @property
    def full(self) -> bool:
        """Whether it has all its points."""
        return self.points >= self.max_points


@dataclass(frozen=True)
class Marks:
    """A report in built-in types: nothing of it is NaN, a NumPy scalar, or a truth."""

    score: float
    max_score: float
    each: tuple[Mark, ...]

    def __iter__(self) -> Iterator[Mark]:
        return iter(self.each)


def marks(report: Report) -> Marks:
    """What a report says. Raises ValueError where it is no report or its points are no finite numbers.

    Only sentences are taken over, and of these none that a level of feedback withholds: never the values themselves.
    """
    try:
        each = tuple(
            Mark(clean(item["quantity"]), number(item["points"]), number(item["max_points"]), _text(item, report))
            for item in report["items"]
        )
        return Marks(number(report["score"]), number(report["max_score"]), each)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is no report of grading: {error!r}") from error


def number(value: Any) -> float:
    """A built-in float. Raises ValueError for what is not finite, and TypeError for what is no number."""
    found = float(value)
    if not isfinite(found):
        raise ValueError(f"a report cannot hold {found}: points are finite numbers")
    return found


def clean(text: Any) -> str:
    """Text that any platform's database can hold: no null characters, no halves of surrogate pairs."""
    return str(text).replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def summary(report: Marks) -> str:
    """One line: how many points of how many."""
    return f"{report.score:g} of {report.max_score:g} points"


def _text(item: Mapping[str, Any], report: Report) -> str:
    """The item's sentence, then each mistake that explains it, with its hint and what else it could be."""
    lines = [item["message"]]
    for found in report.get("diagnosis") or ():
        if item["quantity"] in found["explains"]:
            lines += [_sentence(found["message"]), _sentence(found.get("hint"))]
            lines += [f"Or: {_sentence(other['message'])}" for other in found.get("either") or ()]
    return clean("\n".join(line for line in lines if line))


def _sentence(text: str | None) -> str:
    """With a capital, unless it begins with a symbol such as ŷ."""
    return f"{text[0].upper()}{text[1:]}" if text and text[0].isascii() else text or ""
