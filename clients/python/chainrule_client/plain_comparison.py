"""Answers against truths that are known already: shapes and numbers alone, with neither engine nor diagnosis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule_client.tensors import Array, TorchTensor, from_torch

DEFAULTS: Mapping[str, Any] = {
    "rtol": 1e-5,
    "atol": 1e-8,
    "places": None,
    "bias_shape": "strict",
    "partial": "none",
    "feedback": "indices",
}
"""The part of a policy of grading that a comparison knows. It never tells more than which entries are wrong."""

_LEVELS = ("verdict", "shape", "count", "indices")
_MOST_INDICES = 20


def compare(
    answers: Mapping[str, Any], truths: Mapping[str, Sequence[Array]], points: Mapping[str, float], **policy: Any
) -> dict[str, Any]:
    """A report, with the fields that grading gives it. `answers` are quantity by quantity, and each of `truths` holds
    every form of the truth that counts as right. `policy` is `DEFAULTS` where it says nothing else.
    """
    rules = {**DEFAULTS, **{name: value for name, value in policy.items() if name in DEFAULTS}}
    level = min(rules["feedback"], "indices", key=lambda each: (*_LEVELS, "magnitude", "values").index(each))
    items = [_item(name, answers.get(name), truths[name], points[name], rules, level) for name in points]
    return {
        "score": float(sum(item["points"] for item in items)),
        "max_score": float(sum(item["max_points"] for item in items)),
        "first_error": next((item["quantity"] for item in items if item["status"] != "correct"), None),
        "items": items,
        "diagnosis": [],
        "feedback": level,
        "warnings": [],
    }


def _item(
    name: str, given: Any, truths: Sequence[Array], points: float, rules: Mapping[str, Any], level: str
) -> dict[str, Any]:
    answer = None if given is None else _as_array(given)
    fitting = [] if answer is None else [truth for truth in truths if _fits(answer, truth, rules["bias_shape"])]
    if answer is None or not fitting:
        status = "missing" if given is None else "shape"
        told = "there is no answer" if given is None else _of_shapes(answer, truths[0], level)
        return _described(name, status, 0.0, points, told, _shapes(answer, truths[0]), level)
    wrong, truth = min(
        ((_wrong(answer, truth, rules), truth) for truth in fitting), key=lambda pair: int(pair[0].sum())
    )
    count = int(wrong.sum())
    part = 1 - count / wrong.size if rules["partial"] == "entries" else float(count == 0)
    more = {**_shapes(answer, truth), "wrong": count, "total": wrong.size, "indices": _indices(wrong)}
    if not np.isfinite(answer).all():
        return _described(
            name, "nonfinite", points * part, points, "there are numbers that are not finite", more, level
        )
    status = "wrong" if count else "correct"
    return _described(name, status, points * part, points, _of_entries(count, wrong.size, level), more, level)


def _described(
    name: str, status: str, points: float, max_points: float, message: str, more: Mapping[str, Any], level: str
) -> dict[str, Any]:
    """An item with what its level lets it tell."""
    known = {"shape": 1, "wanted_shape": 1, "wrong": 2, "total": 2, "indices": 3}
    told = {field: value for field, value in more.items() if known[field] <= _LEVELS.index(level)}
    item = {"quantity": name, "status": status, "points": float(points), "max_points": float(max_points)}
    return {**item, "message": message, **told}


def _as_array(given: Any) -> Array | None:
    """The numbers of an answer; None where it holds something else, or nothing."""
    try:
        array = np.asarray(from_torch(given) if isinstance(given, TorchTensor) else given)
    except Exception:  # ragged lists, and whatever a student's object does when asked for its numbers
        return None
    return array.astype(np.float64) if array.dtype.kind in "iuf" and array.size else None


def _fits(answer: Array, truth: Array, bias_shape: str) -> bool:
    if answer.shape == truth.shape:
        return True
    longer = tuple(length for length in answer.shape if length != 1)
    return bias_shape == "any" and truth.ndim == 1 and longer in (truth.shape, ()) and answer.size == truth.size


def _wrong(answer: Array, truth: Array, rules: Mapping[str, Any]) -> NDArray[np.bool_]:
    places = rules["places"]
    rtol, atol = (rules["rtol"], rules["atol"]) if places is None else (0.0, 0.51 * 10.0**-places)
    bound = atol + rtol * np.abs(truth).max()
    with np.errstate(invalid="ignore"):
        right: NDArray[np.bool_] = np.abs(answer.reshape(truth.shape) - truth) <= bound
    return ~right


def _shapes(answer: Array | None, truth: Array) -> dict[str, Any]:
    given = {} if answer is None else {"shape": list(answer.shape)}
    return {**given, "wanted_shape": list(truth.shape)}


def _indices(wrong: NDArray[np.bool_]) -> list[list[int]]:
    return [[int(place) for place in index] for index in np.argwhere(wrong)[:_MOST_INDICES]]


def _of_shapes(answer: Array | None, truth: Array, level: str) -> str:
    if answer is None:
        return "the answer is no array of numbers"
    shapes = _shapes(answer, truth)
    wanted = f"the shape is {shapes['shape']}; {shapes['wanted_shape']} is wanted"
    return "the shape is wrong" if level == "verdict" else wanted


def _of_entries(count: int, total: int, level: str) -> str:
    if not count:
        return "right"
    return f"{count} of {total} entries are wrong" if level in ("count", "indices") else "wrong"
