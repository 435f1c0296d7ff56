"""A class as CSV (RFC 4180), a row a submission."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from chainrule_client.classes.graded import Graded

FIELDS = ("id", "score", "max_score", "first_error", "mistakes", "error")

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet computes. Ids come from students."""


def as_csv(graded: Sequence[Graded]) -> str:
    """Score, first error and mistakes of each, then the points of each quantity that any of them has."""
    items = [_items(each) for each in graded]
    quantities = list(dict.fromkeys(name for named in items for name in named))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*FIELDS, *map(_cell, quantities)])
    for each, named in zip(graded, items, strict=True):
        writer.writerow([*_about(each), *(named[name]["points"] if name in named else "" for name in quantities)])
    return text.getvalue()


def _items(graded: Graded) -> dict[str, Mapping[str, Any]]:
    return {item["quantity"]: item for item in graded.report["items"]} if graded.report is not None else {}


def _about(graded: Graded) -> list[Any]:
    if graded.report is None:
        said = graded.error.detail or graded.error.title if graded.error is not None else ""
        return [_cell(graded.id), "", "", "", "", _cell(said)]
    report = graded.report
    mistakes = "; ".join(f"{found['mistake']} at {found['at']}" for found in report["diagnosis"])
    return [
        _cell(graded.id),
        report["score"],
        report["max_score"],
        _cell(report["first_error"] or ""),
        _cell(mistakes),
        "",
    ]


def _cell(value: Any) -> Any:
    """Text that is text in a spreadsheet too."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
