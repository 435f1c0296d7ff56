"""Replies as text: aligned tables, and arrays with their shapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule_client.replies import Jacobian, Reply, Step, TraceEntry

_SHOWN_LAST = ("kinks", "verification", "warnings", "meta")


def reply_as_text(reply: Reply) -> str:
    """A reply for a person to read, field by field."""
    names = sorted(reply, key=lambda name: name in _SHOWN_LAST)
    return "\n\n".join(_section(name, reply[name]) for name in names if reply[name] not in ([], {}, None))


def catalogue_as_text(tree: Any) -> str:
    """What `ops` and `info` answer: a table where it is a list of objects, else field by field."""
    if isinstance(tree, Mapping):
        return "\n\n".join(_section(name, value) for name, value in tree.items())
    return _value(tree)


def table(rows: Iterable[Sequence[str]]) -> str:
    """Columns aligned, two spaces apart; the first row is the heading."""
    cells = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)


def _section(name: str, value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{name} {_shape(value)}\n{_indented(_numbers(value))}"
    text = _value(value)
    return f"{name}\n{_indented(text)}" if "\n" in text or isinstance(value, Mapping) else f"{name}  {text}"


def _value(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return _numbers(value)
    if isinstance(value, Jacobian):
        return _jacobian(value)
    if isinstance(value, Step):
        return _step(value)
    if isinstance(value, Mapping):
        return _mapping(value)
    if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        return _rows(value)
    if isinstance(value, list):
        return ", ".join(_value(item) for item in value)
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _mapping(value: Mapping[str, Any]) -> str:
    items = list(value.values())
    if items and all(isinstance(item, TraceEntry) for item in items):
        return _trace(items)
    if any(isinstance(item, np.ndarray | Mapping | Jacobian | Step) for item in items):
        return "\n".join(_section(name, item) for name, item in value.items())
    return table([name, _value(item)] for name, item in value.items()) if value else "none"


def _trace(entries: Sequence[TraceEntry]) -> str:
    heading = ["node", "op", "inputs", "shape"]
    rows = [
        [entry.node, entry.op, ", ".join(f"{of}={name}" for of, name in entry.inputs.items()), _shape(entry.output)]
        for entry in entries
    ]
    outputs = "\n".join(_section(entry.node, entry.output) for entry in entries)
    return f"{table([heading, *rows])}\n{outputs}"


def _step(step: Step) -> str:
    return "\n".join(
        [
            f"op  {step.op}",
            _section("cotangent", step.cotangent),
            _section("local", step.local),
            _section("contributes", step.contributes),
        ]
    )


def _jacobian(jacobian: Jacobian) -> str:
    parts = {name: getattr(jacobian, name) for name in ("value", "diagonal", "left", "right")}
    return "\n".join(
        [
            f"{jacobian.structure} {list(jacobian.shape)}",
            *(_section(name, array) for name, array in parts.items() if array is not None),
        ]
    )


def _rows(entries: Sequence[Mapping[str, Any]]) -> str:
    """A table of the fields that fit on a line: text, numbers and short lists of them."""
    columns = list(dict.fromkeys(name for entry in entries for name in entry))
    plain = [name for name in columns if all(_fits(entry.get(name)) for entry in entries)]
    rows = [["" if entry.get(name) is None else _value(entry[name]) for name in plain] for entry in entries]
    return table([plain, *rows])


def _fits(value: Any) -> bool:
    return not isinstance(value, Mapping | np.ndarray) and len(_value(value)) <= 60


def _numbers(array: np.ndarray[Any, Any]) -> str:
    return np.array2string(array, precision=6, threshold=200, max_line_width=100)


def _shape(array: np.ndarray[Any, Any]) -> str:
    return str(list(array.shape))


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" if line else "" for line in text.splitlines())
