"""Answers: quantity by quantity, and as the tree that grading takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WHOLE = ("outputs", "loss")
PARTS = ("values", "gradients", "jacobians")


def answer_tree(answers: Mapping[str, Any]) -> dict[str, Any]:
    """`{"loss": 2.5, "gradients.W1": […], "jacobians.y_hat/x": […]}` as the tree that grading takes.

    What is a tree already comes back as it is. Raises ValueError for what names no quantity.
    """
    tree: dict[str, Any] = {}
    for quantity, value in answers.items():
        kind, _, name = quantity.partition(".")
        if quantity in WHOLE:
            tree[quantity] = value
        elif kind in PARTS and name:
            tree.setdefault(kind, {})[name] = value
        elif kind in PARTS and isinstance(value, Mapping):
            tree.setdefault(kind, {}).update(value)
        else:
            raise ValueError(
                f"{quantity!r} is no quantity; write outputs, loss, values.<node>, gradients.<name> "
                "or jacobians.<of>/<wrt>"
            )
    return tree
