"""Answers: quantity by quantity, as the tree that grading takes, and on their way out.

Whatever stands where an answer should is sent as something: code that is being graded gives anything at all, and what
is no tensor is for the grader to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.schemas.answers import GROUPS, SINGLE
from chainrule_client.tensors import TorchTensor, from_torch, stacked

MOST_NESTED = 32
"""Lists in lists that are sent: more than any tensor has axes, fewer than the service reads."""


def answer_tree(answers: Mapping[str, Any]) -> dict[str, Any]:
    """`{"loss": 2.5, "gradients.W1": […], "jacobians.y_hat/x": […]}` as the tree that grading takes.

    What is a tree already comes back as it is. Raises ValueError for what names no quantity, and for no mapping.
    """
    if not isinstance(answers, Mapping):
        raise ValueError('answers want an object, by quantity: {"loss": …, "gradients.W1": …}')
    tree: dict[str, Any] = {}
    for quantity, value in answers.items():
        kind, _, name = str(quantity).partition(".")
        if quantity in SINGLE:
            tree[quantity] = value
        elif kind in GROUPS and name:
            tree.setdefault(kind, {})[name] = value
        elif kind in GROUPS and isinstance(value, Mapping | None):
            tree.setdefault(kind, {}).update(value or {})
        else:
            raise ValueError(
                f"{quantity!r} is no quantity; write outputs, loss, values.<node>, gradients.<name> "
                "or jacobians.<of>/<wrt>"
            )
    return tree


def answers_to_wire(answers: Any, *, as_held: bool = False) -> Any:
    """The tree with every leaf one that JSON can hold: numbers that are not finite as the words for them.

    With `as_held` an array of numbers is left as it is. What is no tree is taken for a leaf: the service says what
    should stand there.
    """

    def leaf(item: Any) -> Any:
        return _leaf(item, as_held)

    if not isinstance(answers, Mapping):
        return leaf(answers)
    return {
        name: {inner: leaf(each) for inner, each in item.items()} if isinstance(item, Mapping) else leaf(item)
        for name, item in answers.items()
    }


def _leaf(leaf: Any, as_held: bool) -> Any:
    try:
        if isinstance(leaf, TorchTensor):
            leaf = from_torch(leaf)
        if as_held and isinstance(leaf, np.ndarray) and leaf.ndim and leaf.dtype.kind in "if":
            return leaf
        return _as_json(leaf, MOST_NESTED)
    except Exception as error:  # of a torch tensor, or of an object that only looks like one
        return f"{type(leaf).__name__}: {type(error).__name__}"


def _as_json(value: Any, depth: int) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return _array(np.asarray(value))
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else _number(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list | tuple) and depth:
        return stacked([_as_json(item, depth - 1) for item in value])
    if isinstance(value, Mapping):
        return {}  # what is in it makes it no more of a tensor
    if isinstance(value, TorchTensor):
        return _array(from_torch(value))
    return f"a {type(value).__name__}"


def _number(value: float) -> float | str:
    try:
        found = float(value)
    except OverflowError:
        found = np.inf if value > 0 else -np.inf
    return found if np.isfinite(found) else _WORDS[str(found)]


_WORDS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def _array(array: np.ndarray[Any, Any]) -> Any:
    if array.dtype.kind not in "iuf":
        return f"an array of {array.dtype}"
    if array.dtype.kind == "f":
        array = array.astype(np.float64)
    if array.ndim == 0:
        return _as_json(array.item(), 0)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return _as_json(array.tolist(), MOST_NESTED)
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))
