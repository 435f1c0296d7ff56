"""The numbers of one tensor of an instance, by whole-number arithmetic alone."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.drawing import draw_below
from chainrule.operations.instances.seeds import stream_key
from chainrule.operations.instances.spelling import Draw
from chainrule.operations.refusals import Refused
from chainrule.schemas.templates import Classes, Grid, Probabilities, Values

MOST_NUMBERS = 100_000
"""Drawn for one instance at most."""


def draw_numbers(draw: Draw, seed: int, attempt: int) -> NDArray[Any]:
    """The tensor, of float64; of int64 for classes and for values that are all integers.

    Every number comes from one whole number k of the place's stream: `low` + k·`step` of a grid (leaving 0 out where
    that is asked), the k-th of the values, the class k. Of probabilities each part goes to the class k.
    """
    return np.asarray(_drawn(draw, stream_key(seed, attempt, draw.place)))


def _drawn(draw: Draw, key: int) -> Any:
    how, shape = draw.how, draw.shape
    match how:
        case Grid():
            return _on_grid(how, draw_below(how.last - how.first + (1 - _leaves_out(how)), shape, key))
        case Classes():
            return draw_below(draw.classes, shape, key)
        case Values():
            return np.array(how.values)[draw_below(len(how.values), shape, key)]
        case Probabilities():
            parts = draw_below(shape[-1], (prod(shape[:-1]), how.probabilities), key)
            return _shares(parts, shape[-1], how.probabilities).reshape(shape)
    raise TypeError(f"nothing is drawn from a {type(how).__name__}")


def check_count(draws: Sequence[Draw]) -> None:
    """Refuse more than MOST_NUMBERS, before any of them is drawn. Raises Refused."""
    count = sum(map(_count, draws))
    if count > MOST_NUMBERS:
        raise Refused(
            f"this would draw {count:,} numbers; the limit is {MOST_NUMBERS:,}: choose smaller sizes",
            title="Request too costly",
        )


def _count(draw: Draw) -> int:
    if isinstance(draw.how, Probabilities):
        return prod(draw.shape[:-1]) * max(draw.shape[-1], draw.how.probabilities)
    return prod(draw.shape)


def _leaves_out(grid: Grid) -> bool:
    return grid.nonzero and grid.first <= 0 <= grid.last


def _on_grid(grid: Grid, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    steps = steps + grid.first
    if _leaves_out(grid):
        steps += steps >= 0
    # A whole number of at most 31 bits times a dyadic step of at most 31: exact.
    return steps * np.float64(grid.step)


def _shares(parts: NDArray[np.int64], classes: int, of: int) -> NDArray[np.float64]:
    rows = len(parts)
    flat = (parts + classes * np.arange(rows)[:, None]).ravel()
    return np.bincount(flat, minlength=rows * classes) / np.float64(of)
