"""Slips in the gradient of one parameter alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from grading.by_hand.net import Shape
from grading.by_hand.slips.slip import Slip
from grading.by_hand.solve import Array, Here, Rule

Made = Iterator[tuple[str, str | None, Rule]]


def slips(shape: Shape) -> Iterator[Slip]:
    for layer in range(1, shape.layers + 1):
        for code, detail, rule in _of_weight(shape, layer):
            yield Slip(code, f"W{layer}", {("weight", layer): rule}, detail)
        for code, detail, rule in _of_bias():
            yield Slip(code, f"b{layer}", {("bias", layer): rule}, detail)


def _of_weight(shape: Shape, layer: int) -> Made:
    yield "transposed", None, lambda here: here.right.T
    yield "unsummed", None, _each
    yield "product_of_sums", None, lambda here: np.outer(here.g.sum(axis=0), here.x.sum(axis=0))
    yield "one_example", "the first", lambda here: _each(here)[0]
    yield "one_example", "the last", lambda here: _each(here)[-1]
    yield "last_left_out", None, lambda here: _each(here)[:-1].sum(axis=0)
    yield "stopped_short", None, lambda here: here.g_before.T @ here.x
    own = "x" if layer == 1 else f"a{layer - 1}"
    names = ["x", *(f"{letter}{k}" for k in range(1, shape.layers + 1) for letter in "sa")]
    for name in names:
        if name != own:
            yield "wrong_input", f"{name} in place of {own}", partial(_with_input, name)


def _of_bias() -> Made:
    yield "unsummed", None, lambda here: here.g
    yield "keepdims", None, lambda here: here.right[None, :]
    yield "keepdims", None, lambda here: here.right[:, None]
    yield "collapsed", None, lambda here: here.g.sum()
    yield "collapsed", None, lambda here: here.g.sum().reshape(1)
    yield "collapsed", "summed over the outputs instead of the batch", lambda here: here.g.sum(axis=1)
    yield "one_example", "the first", lambda here: here.g[0]
    yield "one_example", "the last", lambda here: here.g[-1]
    yield "last_left_out", None, lambda here: here.g[:-1].sum(axis=0)
    yield "stopped_short", None, lambda here: here.g_before.sum(axis=0)


def _each(here: Here) -> Array:
    return np.einsum("ni,nj->nij", here.g, here.x)


def _with_input(name: str, here: Here) -> Array:
    return here.g.T @ here.values[name]
