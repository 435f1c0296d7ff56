"""What was found, as lines for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from pairs import Row, Skipped

HEADINGS = ("what", "ours", "peer", "our time", "its time", "min", "median", "max", "goal", "")


def line(outcome: Row | Skipped) -> str:
    """One comparison, as soon as it is made."""
    if isinstance(outcome, Skipped):
        return f"{outcome.what}: skipped, {outcome.why}"
    return f"{outcome.ours} against {outcome.peer}: {ratio(outcome.ratios[1])} ({outcome.verdict})"


def table(found: Sequence[Row | Skipped]) -> list[str]:
    """Ratios are times as fast where the goal is ≥, and parts of the peer's time where it is ≤."""
    cells = [HEADINGS, *(_cells(each) for each in found)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return [lines[0], "-" * len(lines[0]), *lines[1:]]


def _cells(outcome: Row | Skipped) -> tuple[str, ...]:
    if isinstance(outcome, Skipped):
        return (outcome.what, f"skipped: {outcome.why}", *[""] * (len(HEADINGS) - 2))
    times = [amount(each, outcome.unit) for each in outcome.times]
    ratios = [ratio(each) for each in outcome.ratios]
    return (outcome.what, outcome.ours, outcome.peer, *times, *ratios, str(outcome.goal), outcome.verdict)


def amount(found: float, unit: str) -> str:
    """Seconds in the unit that suits them; anything else in its own."""
    return _duration(found) if unit == "s" else f"{found:.3g} {unit}"


def ratio(found: float) -> str:
    """Three digits, and no fewer than two after the point below 10."""
    return f"{found:.2f}" if found < 10 else f"{found:.3g}" if found < 1000 else f"{found:.0f}"


def _duration(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"
