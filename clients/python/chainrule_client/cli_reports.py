"""A report of grading as text: a line a quantity, then each mistake with what it explains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chainrule_client.cli_rendering import table

_SHOWN = 4
"""Indices that go on a line."""


def report_as_text(report: Mapping[str, Any]) -> str:
    """What a report says, but for the values of it."""
    head = f"{report['score']:g} of {report['max_score']:g} points"
    rows = [["quantity", "status", "points", ""], *(_row(item) for item in report["items"])]
    parts = [head, table(rows), *("\n".join(_mistake(found)) for found in report["diagnosis"])]
    return "\n\n".join(parts + list(report["warnings"]))


def _row(item: Mapping[str, Any]) -> list[str]:
    points = f"{item['points']:g}/{item['max_points']:g}"
    right = item["status"] == "correct"
    return [item["quantity"], item["status"], points, "" if right else "; ".join(_told(item))]


def _told(item: Mapping[str, Any]) -> Iterator[str]:
    yield item["message"]
    source = item.get("follows_from")
    if source:
        if source not in item["message"]:
            yield f"follows from {source}"
    elif any(item.get("indices", ())):  # of a number the only index is []
        yield f"at {_indices(item['indices'])}"
    if item.get("max_abs") is not None:
        yield f"by {item['max_abs']:.3g}" if isinstance(item["max_abs"], float) else f"by {item['max_abs']}"


def _indices(indices: Sequence[Sequence[int]]) -> str:
    shown = [str(list(index)) for index in indices[:_SHOWN]]
    return " ".join([*shown, *(["…"] if len(indices) > _SHOWN else [])])


def _mistake(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"{found['mistake']}: {found['message']}"
    yield f"  {found['hint']}"
    yield f"  explains {', '.join(found['explains'])}"
    if found["follows"]:
        yield f"  what follows from it is right: {', '.join(found['follows'])}"
    yield from (f"  or {other['mistake']}: {other['message']}" for other in found["either"])
