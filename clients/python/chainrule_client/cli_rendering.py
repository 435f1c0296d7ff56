"""Replies as text: what fits on a line on one, arrays with their shapes, and aligned tables of like things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from itertools import pairwise
from typing import Any

import numpy as np

_SHOWN_LAST = ("kinks", "kink_count", "verification", "warnings", "meta")
_ON_A_LINE = 12
"""Entries of a list that still goes on a line."""
_WIDTH = 100


def as_text(tree: Mapping[str, Any]) -> str:
    """A reply, or any other answer, for a person to read, field by field. What is empty is left out."""
    plain = {name: item for name, item in _plain(tree).items() if not isinstance(item, list | dict) or item}
    names = sorted(plain, key=lambda name: name in _SHOWN_LAST)
    sections = [_section(name, plain[name]) for name in names]
    gaps = ["\n" if "\n" not in pair[0] + pair[1] else "\n\n" for pair in pairwise(sections)]
    return "".join(part for pair in zip(sections, [*gaps, ""], strict=True) for part in pair)


def ops_as_text(catalogue: Mapping[str, Any]) -> str:
    """One line an op: what it takes, what can be set, and its formula."""
    rows = [["op", "family", "takes", "options", "formula"]]
    for op in catalogue["ops"]:
        parameters = [f"[{each['name']}]" if each["optional"] else each["name"] for each in op["parameters"]]
        takes = [*op["operands"], *(["…"] if op["variadic"] else []), *parameters]
        options = ", ".join(option["name"] for option in op["options"])
        rows.append([op["op"], op["family"], ", ".join(takes), options, op["formula"]])
    return table(rows)


def problems_as_text(listing: Mapping[str, Any]) -> str:
    """One line a problem: its name, and its title."""
    rows = [["problem", "title"]]
    rows += [[problem["id"], problem["title"]] for each in listing["sets"] for problem in each["problems"]]
    return table(rows)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns aligned, two spaces apart; the first row is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _plain(value: Any) -> Any:
    """The same as mappings, lists, arrays, text and numbers alone, without what is None or said by its own key."""
    if is_dataclass(value):
        value = {part.name: getattr(value, part.name) for part in fields(value)}
    if isinstance(value, Mapping):
        return {name: _without_its_name(name, _plain(item)) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        numbers = len(value) > _ON_A_LINE and all(isinstance(item, int | float) for item in value)
        return np.asarray(value) if numbers else [_plain(item) for item in value]
    return value


def _without_its_name(name: str, value: Any) -> Any:
    said = isinstance(value, dict) and value.get("node") == name
    return {part: item for part, item in value.items() if part != "node"} if said else value


def _section(name: str, value: Any) -> str:
    line = _line(value)
    if line is not None:
        return f"{name}  {line}"
    heading = f"{name} {list(value.shape)}" if isinstance(value, np.ndarray) else name
    return "\n".join([heading, *(f"  {row}" if row else "" for row in _block(value).splitlines())])


def _line(value: Any) -> str | None:
    """The value on one line, if it fits there."""
    if isinstance(value, float):
        return f"{value:.10g}"
    if _is_scalar(value):
        return None if "\n" in str(value) else str(value)
    if isinstance(value, Mapping) and all(_is_scalar(item) for item in value.values()):
        return ", ".join(f"{key}={_line(item)}" for key, item in value.items())
    if isinstance(value, list) and len(value) <= _ON_A_LINE and all(_is_scalar(item) for item in value):
        return f"[{', '.join(str(_line(item)) for item in value)}]"
    return None


def _block(value: Any) -> str:
    if isinstance(value, np.ndarray):
        value = value + 0.0  # so that -0.0 is shown as 0
        return np.array2string(value, precision=6, threshold=200, max_line_width=_WIDTH)
    if isinstance(value, str):
        return value
    if rows := _rows(value):
        return table(rows)
    if isinstance(value, Mapping):
        return "\n".join(_section(name, item) for name, item in value.items())
    return "\n".join(_line(item) or _block(item) for item in value)


def _rows(value: Any) -> list[list[str]]:
    """A table of like things, each part of them on a line; empty where they are not that."""
    things = list(value.values()) if isinstance(value, Mapping) else value
    if not all(isinstance(thing, Mapping) for thing in things):
        return []
    lines = [{name: _line(item) for name, item in thing.items()} for thing in things]
    if any(line is None for thing in lines for line in thing.values()):
        return []
    columns = list(dict.fromkeys(name for thing in lines for name in thing))
    rows = [columns, *([thing.get(name) or "" for name in columns] for thing in lines)]
    names = ["name", *value] if isinstance(value, Mapping) else []
    return [[name, *row] for name, row in zip(names, rows, strict=True)] if names else rows


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)
