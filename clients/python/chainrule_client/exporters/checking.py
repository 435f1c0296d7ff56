"""Rules about JSON that the validators share. Each yields a sentence for every fault, and nothing where all is well."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from math import isfinite
from typing import Any, TypeAlias

Faults: TypeAlias = Iterator[str]


def parsed(text: str) -> Any:
    """The JSON of a file. Raises ValueError for what is none, NaN and infinities among it."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def as_object(text: str) -> tuple[dict[str, Any], list[str]]:
    """The JSON object of a file, and what is wrong where it is none."""
    try:
        found = parsed(text)
    except ValueError as error:
        return {}, [f"not JSON: {error}"]
    if not isinstance(found, dict):
        return {}, [f"a JSON object is wanted, not {_kind(found)}"]
    return found, []


def is_number(value: Any) -> bool:
    """A finite number, and no boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def unknown(tree: Mapping[str, Any], known: Collection[str], at: str) -> Faults:
    """Fields that the platform does not know."""
    yield from (f"{at}{name}: no such field" for name in tree if name not in known)


def numbers(tree: Mapping[str, Any], names: Collection[str], at: str) -> Faults:
    """Fields that are there and are not finite numbers."""
    yield from (
        f"{at}{name}: a finite number is wanted, not {_kind(tree[name])}"
        for name in names
        if name in tree and not is_number(tree[name])
    )


def texts(tree: Mapping[str, Any], names: Collection[str], at: str) -> Faults:
    """Fields that are there and are not text."""
    yield from (
        f"{at}{name}: text is wanted, not {_kind(tree[name])}"
        for name in names
        if name in tree and not isinstance(tree[name], str)
    )


def choices(tree: Mapping[str, Any], names: Collection[str], allowed: Collection[str], at: str) -> Faults:
    """Fields that are there and are none of the words allowed."""
    yield from (
        f"{at}{name}: one of {', '.join(allowed)} is wanted, not {tree[name]!r}"
        for name in names
        if name in tree and tree[name] not in allowed
    )


def objects(tree: Mapping[str, Any], name: str, faults: list[str]) -> list[Mapping[str, Any]]:
    """The objects of a list, if the field is there; what is none is added to `faults`."""
    found = tree.get(name, [])
    if not isinstance(found, list):
        faults.append(f"{name}: a list is wanted, not {_kind(found)}")
        return []
    faults += [f"{name}[{k}]: an object is wanted, not {_kind(one)}" for k, one in enumerate(found) if not _is(one)]
    return [one for one in found if _is(one)]


def _is(value: Any) -> bool:
    return isinstance(value, dict)


def _kind(value: Any) -> str:
    return "null" if value is None else type(value).__name__
