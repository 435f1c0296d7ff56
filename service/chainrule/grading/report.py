"""The report of one submission: an item for each quantity, a diagnosis for each mistake, told up to a level."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from chainrule.engine.backends import Shape
from chainrule.grading.arrays import Array
from chainrule.grading.findings import Finding
from chainrule.grading.policy import LEVELS, Feedback

Status = Literal["correct", "correct_given_own_work", "wrong", "missing", "shape", "nonfinite", "at_kink"]
FULL: frozenset[Status] = frozenset(("correct", "at_kink"))
MOST_INDICES = 20


@dataclass(slots=True)
class Item:
    """One quantity, marked."""

    quantity: str
    status: Status
    points: float
    max_points: float
    trouble: str | None = None
    """Why there is no tensor to mark, in words."""
    follows_from: str | None = None
    exchanged: bool = False
    """Whether it is the answer to `follows_from`, and that one the answer to this."""
    shape: Shape | None = None
    wanted_shape: Shape | None = None
    wrong: int | None = None
    total: int | None = None
    indices: list[list[int]] | None = None
    max_abs: float | None = None
    max_rel: float | None = None
    tolerance: dict[str, float] | None = None
    expected: Array | None = None
    codes: list[str] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong with it, given what came before."""
        return self.status in FULL or self.status == "correct_given_own_work"


@dataclass(slots=True)
class Diagnosed:
    """One mistake, wherever it is made, and what it explains."""

    findings: list[Finding]
    explains: list[str]
    follows: list[str]
    either: list[Finding]


@dataclass(frozen=True, slots=True)
class Report:
    """The marks, and why."""

    items: list[Item]
    diagnosis: list[Diagnosed]

    @property
    def score(self) -> float:
        """The points got."""
        return sum(item.points for item in self.items)

    @property
    def max_score(self) -> float:
        """The points to be had."""
        return sum(item.max_points for item in self.items)

    @property
    def first_error(self) -> str | None:
        """The first quantity, in the order of the chain, that is wrong."""
        return next((item.quantity for item in self.items if not item.is_right), None)

    def told(self, feedback: Feedback) -> dict[str, Any]:
        """The report's fields as far as a level goes."""
        level = LEVELS.index(feedback)
        return {
            "score": self.score,
            "max_score": self.max_score,
            "first_error": self.first_error,
            "items": [_item(item, level) for item in self.items],
            "diagnosis": [_diagnosis(each, level) for each in self.diagnosis] if level >= _INDICES else [],
            "feedback": feedback,
        }


_GIVEN = "right, given your own earlier work"
_SHAPE, _COUNT, _INDICES, _MAGNITUDE, _VALUES = (LEVELS.index(level) for level in LEVELS[1:])


def _item(item: Item, level: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "quantity": item.quantity,
        "status": item.status,
        "points": item.points,
        "max_points": item.max_points,
        "message": _sentence(item, level),
    }
    more: dict[int, dict[str, Any]] = {
        _SHAPE: {"follows_from": item.follows_from, "shape": item.shape, "wanted_shape": item.wanted_shape},
        _COUNT: {"wrong": item.wrong, "total": item.total},
        _INDICES: {"indices": item.indices, "diagnosis": item.codes or None},
        _MAGNITUDE: {"max_abs": item.max_abs, "max_rel": item.max_rel, "tolerance": item.tolerance},
        _VALUES: {"expected": item.expected},
    }
    for needed, fields in more.items():
        if level >= needed:
            told |= {name: value for name, value in fields.items() if value is not None}
    for name in ("shape", "wanted_shape"):
        if name in told:
            told[name] = list(told[name])
    return told


def _sentence(item: Item, level: int) -> str:
    match item.status:
        case "correct":
            return "right"
        case "at_kink":
            return "right: at a kink another subgradient is as good"
        case "correct_given_own_work":
            return _given_sentence(item, level)
        case "missing":
            return item.trouble or "there is no answer"
        case "nonfinite":
            return "there are numbers that are not finite"
        case "shape":
            return _shape_sentence(item, level)
    if level >= _COUNT and item.wrong is not None:
        return f"{item.wrong} of {item.total} entries are wrong" if item.total != 1 else "the number is wrong"
    return "not right"


def _given_sentence(item: Item, level: int) -> str:
    source = item.follows_from if level >= _SHAPE and item.follows_from is not None else None
    costs = ", which costs points here too" if item.points < item.max_points else ""
    if item.exchanged:
        return f"right, but exchanged with {source or 'another answer'}{costs}"
    # Without points to show for it, `right` would be no word for it.
    return f"follows from {source or 'an earlier answer of your own'}{costs}" if costs else _GIVEN


def _shape_sentence(item: Item, level: int) -> str:
    if item.trouble:
        return item.trouble
    if level >= _SHAPE and item.shape is not None and item.wanted_shape is not None:
        return f"the shape is {list(item.shape)}; {list(item.wanted_shape)} is wanted"
    return "the shape is not right"


def _diagnosis(each: Diagnosed, level: int) -> dict[str, Any]:
    first = each.findings[0]
    told: dict[str, Any] = {
        "mistake": first.code,
        "at": " and ".join(dict.fromkeys(finding.at for finding in each.findings)),
        "explains": each.explains,
        "follows": each.follows,
        "message": " and ".join(dict.fromkeys(finding.message for finding in each.findings)),
        "hint": first.hint,
        "either": [_alternative(finding) for finding in each.either],
    }
    told |= {name: value for name, value in (("detail", first.detail), ("factor", first.factor)) if value is not None}
    if level >= _MAGNITUDE and first.value is not None:
        told["value"] = first.value
    return told


def _alternative(finding: Finding) -> dict[str, Any]:
    told = {"mistake": finding.code, "at": finding.at, "message": finding.message}
    return told | ({"detail": finding.detail} if finding.detail is not None else {})
