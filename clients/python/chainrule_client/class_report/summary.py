"""A class in numbers: how the scores lie, which quantities were right, and which mistakes how many made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from chainrule_client.classes.graded import Graded, Id

BINS = 10
"""Of the distribution, over shares of the points to be had."""
MOST_IDS = 30
"""Ids shown of those who made a mistake."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake at one place, and who made it."""

    code: str
    at: str
    message: str
    count: int
    ids: tuple[Id, ...]
    """The first of them."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """How often a quantity had each status."""

    name: str
    statuses: Counter[str]


@dataclass(frozen=True, slots=True)
class Summary:
    """What the page shows. `shares`: of the points to be had, by submission."""

    total: int
    shares: tuple[float, ...]
    mistakes: tuple[Mistake, ...]
    quantities: tuple[Quantity, ...]
    unexplained: tuple[Id, ...]
    """Of submissions with a wrong answer and no diagnosis. One that is missing needs none."""
    failed: tuple[tuple[Id, str], ...]
    """Submissions that were not graded, and why."""

    @classmethod
    def of(cls, graded: Iterable[Graded]) -> Summary:
        """The numbers of a class."""
        found = list(graded)
        marked = [(each.id, each.report) for each in found if each.report is not None]
        return cls(
            total=len(found),
            shares=tuple(_share(report) for _, report in marked),
            mistakes=tuple(_mistakes(marked)),
            quantities=tuple(_quantities(marked)),
            unexplained=tuple(id for id, report in marked if _has_wrong(report) and not report["diagnosis"]),
            failed=tuple((each.id, each.error.detail or each.error.title) for each in found if each.error is not None),
        )

    @property
    def mean(self) -> float:
        """Of the shares; 0 of none."""
        return fmean(self.shares) if self.shares else 0.0

    @property
    def median(self) -> float:
        """Of the shares; 0 of none."""
        return median(self.shares) if self.shares else 0.0

    def bins(self) -> list[int]:
        """How many shares lie in each of BINS equal parts; the whole is in the last."""
        counts = [0] * BINS
        for share in self.shares:
            counts[min(BINS - 1, max(0, int(share * BINS)))] += 1
        return counts


def _share(report: Any) -> float:
    return float(report["score"] / report["max_score"]) if report["max_score"] else 0.0


def _has_wrong(report: Any) -> bool:
    return any(item["status"] in ("wrong", "shape", "nonfinite") for item in report["items"])


def _mistakes(marked: Sequence[tuple[Id, Any]]) -> list[Mistake]:
    made: dict[tuple[str, str], list[Id]] = {}
    messages: dict[tuple[str, str], str] = {}
    for id, report in marked:
        for found in report["diagnosis"]:
            key = (found["mistake"], found["at"])
            messages.setdefault(key, found["message"])
            who = made.setdefault(key, [])
            if who[-1:] != [id]:
                who.append(id)
    listed = [
        Mistake(code, at, messages[code, at], len(who), tuple(who[:MOST_IDS])) for (code, at), who in made.items()
    ]
    return sorted(listed, key=lambda mistake: -mistake.count)


def _quantities(marked: Sequence[tuple[Id, Any]]) -> list[Quantity]:
    found: dict[str, Counter[str]] = {}
    for _, report in marked:
        for item in report["items"]:
            found.setdefault(item["quantity"], Counter())[item["status"]] += 1
    return [Quantity(name, statuses) for name, statuses in found.items()]
