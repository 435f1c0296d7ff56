"""How answers are held against the truth, and how much a report says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from chainrule.grading.arrays import Array

Layout = Literal["torch", "numerator", "denominator", "either"]
BiasShape = Literal["strict", "any"]
Partial = Literal["none", "entries"]
Feedback = Literal["verdict", "shape", "count", "indices", "magnitude", "values"]
"""From least to most; each level says all that those before it say."""

LEVELS: tuple[Feedback, ...] = get_args(Feedback)
HALF_A_PLACE = 0.51
"""Of the last place that is kept: a number rounded to it is off by half of it, and by a little more in binary."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What counts as right, and what is told.

    An entry is right where |answer − truth| ≤ atol + rtol · max|truth|, the maximum over what is finite of the tensor.
    `places` d puts atol = 0.51·10⁻ᵈ and rtol = 0 in their place.
    """

    rtol: float = 1e-5
    atol: float = 1e-8
    places: int | None = None
    layout: Layout = "torch"
    bias_shape: BiasShape = "strict"
    partial: Partial = "none"
    follow_through: bool = True
    feedback: Feedback = "indices"
    diagnose: bool = True

    @property
    def relative(self) -> float:
        """The rtol in force."""
        return self.rtol if self.places is None else 0.0

    @property
    def absolute(self) -> float:
        """The atol in force."""
        return self.atol if self.places is None else HALF_A_PLACE * 10.0**-self.places

    def bound(self, truth: Array, terms: float = 0.0) -> float:
        """How far an entry may be off. `terms`: what rounding in the answer's precision may add."""
        return self.absolute + self.relative * largest(finite(truth)) + terms


def largest(array: Array) -> float:
    """max|array|, 0 of none. NaN where there is one."""
    return float(np.abs(array).max()) if array.size else 0.0


def finite(array: Array) -> Array:
    """The entries that are finite, in a row."""
    kept: Array = array[np.isfinite(array)]
    return kept


def within(answer: Array, truth: Array, bound: float) -> bool:
    """Whether every entry is right. NaN never is; an infinity is where the truth is the same one."""
    if bool(np.abs(answer - truth).max() <= bound):
        return True
    return not wrong_entries(answer, truth, bound).any()


def wrong_entries(answer: Array, truth: Array, bound: float) -> NDArray[np.bool_]:
    """Which entries are not right."""
    right: NDArray[np.bool_] = (np.abs(answer - truth) <= bound) | (answer == truth)
    return ~right
