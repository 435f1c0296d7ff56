"""What PrairieLearn hands to a grader, `data.json`, and its way of writing arrays."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

DATA = "/grade/data/data.json"


@dataclass(frozen=True)
class Data:
    """A variant and what was submitted to it, arrays as NumPy has them.

    `seed` is the variant's; `raw` is the file as it came.
    """

    params: Mapping[str, Any]
    submitted: Mapping[str, Any]
    seed: int | None
    raw: Mapping[str, Any]


def read_data(path: str | os.PathLike[str] = DATA) -> Data:
    """What PrairieLearn says of a submission. Raises OSError or ValueError where it cannot be read."""
    tree = json.loads(Path(path).read_text(encoding="utf-8"))
    if not isinstance(tree, Mapping):
        raise ValueError(f"{path} holds no JSON object")
    seed = tree.get("variant_seed")
    return Data(
        _mapping(decode(tree.get("params"))),
        _mapping(decode(tree.get("submitted_answers"))),
        seed if isinstance(seed, int) else None,
        tree,
    )


def decode(tree: Any) -> Any:
    """The same tree with `{"_type": "ndarray", …}` as NumPy arrays, and `np_scalar` as numbers.

    What claims to be one and is none, and every other `_type`, is left as it is: grading says what it thinks of it.
    """
    if isinstance(tree, Mapping):
        kind = tree.get("_type")
        if kind == "ndarray":
            return _array(tree)
        if kind == "np_scalar":
            return _scalar(tree)
        return {name: decode(each) for name, each in tree.items()}
    return [decode(each) for each in tree] if isinstance(tree, list) else tree


def encode(tree: Any) -> Any:
    """The same tree with NumPy arrays as PrairieLearn writes them, for a question's `params` and answers.

    NumPy scalars become built-in numbers. Raises ValueError for what is not finite, which its JSON cannot hold.
    """
    if isinstance(tree, np.ndarray):
        if tree.dtype.kind not in "iuf":
            raise ValueError(f"an array of {tree.dtype} is not one of real numbers")
        if not np.isfinite(tree).all():
            raise ValueError("the array holds what is not finite")
        return {"_type": "ndarray", "_value": tree.tolist(), "_dtype": str(tree.dtype)}
    if isinstance(tree, np.generic):
        return encode(np.asarray(tree))["_value"]
    if isinstance(tree, Mapping):
        return {name: encode(each) for name, each in tree.items()}
    return [encode(each) for each in tree] if isinstance(tree, list | tuple) else tree


def _array(tree: Mapping[str, Any]) -> Any:
    """Only of real numbers: a dtype of objects could be anything."""
    try:
        array = np.array(tree["_value"])
        dtype = np.dtype(str(tree.get("_dtype", array.dtype)))
        return array.astype(dtype) if {array.dtype.kind, dtype.kind} <= set("iuf") else tree
    except (KeyError, TypeError, ValueError):
        return tree


def _scalar(tree: Mapping[str, Any]) -> Any:
    try:
        return float(tree["_value"])
    except (KeyError, TypeError, ValueError):
        return tree


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
