"""Paired ratios: the two sides take turns, each turn gives one ratio, and their median is the answer.

Whatever else the machine is doing slows both halves of a turn alike, so the ratio stands where the times do not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from timeit import Timer
from typing import Any, Literal

Work = Callable[[], object]

Turn = Callable[[], float]
"""Does a thing some times, and says how many seconds one of them took."""


PARTS = 10


@dataclass(frozen=True)
class Goal:
    """`times as fast`: peer's time over ours, at least the bound. `of its …`: ours over the peer's, at most that."""

    kind: Literal["times as fast", "of its time", "of its memory"]
    bound: float | None = None
    """None where nothing is asked for and the ratio is only told."""

    def ratio(self, ours: float, peer: float) -> float:
        return peer / ours if self.kind == "times as fast" else ours / peer

    def verdict(self, ratio: float) -> Literal["pass", "miss", "info"]:
        if self.bound is None:
            return "info"
        return "pass" if (ratio >= self.bound if self.kind == "times as fast" else ratio <= self.bound) else "miss"

    def __str__(self) -> str:
        if self.bound is None:
            return "—"
        return f"{'≥' if self.kind == 'times as fast' else '≤'} {self.bound:g}"


TOLD = Goal("times as fast")


@dataclass(frozen=True)
class Row:
    """One comparison as measured, turn by turn: seconds for one of whatever is compared, or another `unit` of it."""

    what: str
    ours: str
    peer: str
    goal: Goal
    seconds: tuple[tuple[float, float], ...]
    """(ours, the peer's) of each turn."""
    unit: str = "s"

    @property
    def ratios(self) -> tuple[float, float, float]:
        """Smallest, median and largest."""
        found = sorted(self.goal.ratio(ours, peer) for ours, peer in self.seconds)
        return found[0], median(found), found[-1]

    @property
    def middle_half(self) -> tuple[float, float]:
        """What half of the ratios lie between: their quartiles."""
        found = [self.goal.ratio(ours, peer) for ours, peer in self.seconds]
        first, _, third = quantiles(found, n=4, method="inclusive") if len(found) > 1 else found * 3
        return first, third

    @property
    def times(self) -> tuple[float, float]:
        """Median seconds: ours, the peer's."""
        return median(ours for ours, _ in self.seconds), median(peer for _, peer in self.seconds)

    @property
    def verdict(self) -> str:
        return self.goal.verdict(self.ratios[1])


@dataclass(frozen=True)
class Skipped:
    """A comparison that this machine cannot make, and why."""

    what: str
    why: str


def paired(what: str, ours: tuple[str, Turn], peer: tuple[str, Turn], goal: Goal, turns: int, unit: str = "s") -> Row:
    """Take turns, ours first in one and second in the next. One turn more goes before them and is not counted."""
    ours[1](), peer[1]()
    seconds = []
    for number in range(turns):
        if number % 2:
            theirs, own = peer[1](), ours[1]()
        else:
            own, theirs = ours[1](), peer[1]()
        seconds.append((own, theirs))
    return Row(what, ours[0], peer[0], goal, tuple(seconds), unit)


def timed(work: Work, times: int) -> Turn:
    """A turn that does `work` so many times in this process, without the garbage collector.

    It is the quickest of up to ten parts, since a part in which another process had the core tells nothing of `work`.
    """
    timer, parts = Timer(work), min(times, PARTS)
    return lambda: min(timer.repeat(parts, times // parts)) / (times // parts)


def record(outcome: Row | Skipped) -> dict[str, Any]:
    """An outcome for scripts: its fields, and beside those of a comparison what follows from them."""
    if isinstance(outcome, Skipped):
        return {**asdict(outcome), "verdict": "skipped"}
    smallest, middle, largest = outcome.ratios
    return {
        **asdict(outcome),
        "ratio": {"min": smallest, "median": middle, "max": largest},
        "verdict": outcome.verdict,
    }


def outcome_of(found: dict[str, Any]) -> Row | Skipped:
    """The outcome that `record` told."""
    if found["verdict"] == "skipped":
        return Skipped(found["what"], found["why"])
    turns = tuple((ours, peer) for ours, peer in found["seconds"])
    return Row(found["what"], found["ours"], found["peer"], Goal(**found["goal"]), turns, found["unit"])
