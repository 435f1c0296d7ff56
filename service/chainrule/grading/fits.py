"""Which candidates give a submitted tensor: exactly, or times a constant that has a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.grading.arrays import Array
from chainrule.grading.candidates import Candidate
from chainrule.grading.constants import NEAR, Constant, Constants
from chainrule.grading.policy import HALF_A_PLACE, Policy, largest

COARSE = 0.02
"""A bound that is a larger part of the tensor than this tells nothing: too much would fit."""
CHANCE = 0.05
"""A fit by accident more likely than this, of any of all that are tried, tells nothing either."""
INDEPENDENT = 3
"""Entries that have to agree before a constant without a name counts."""

FEW_DIGITS, MANY_DIGITS = 5, 100
"""How many units of the last decimal the largest entry has to have: of several entries, and of one or two."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A candidate, and the constant that it has to be multiplied with; None for 1."""

    candidate: Candidate
    constant: Constant | None = None


def exact_fits(answers: Sequence[Array], candidates: Sequence[Candidate], policy: Policy) -> list[Fit]:
    """The candidates that are one of `answers`, the ways in which a tensor may be read."""
    found = []
    for answer in answers:
        same = [each for each in candidates if each.predicted.shape == answer.shape]
        if same:
            rows, size = _stacked(same), largest(answer)
            bounds = policy.absolute + policy.relative * np.abs(rows).max(axis=1)
            off = np.abs(rows - answer.reshape(-1)).max(axis=1)
            fits = (off <= bounds) & (bounds <= COARSE * size) & (len(same) * _by_accident(rows, bounds) <= CHANCE)
            found += [Fit(same[i]) for i in np.flatnonzero(fits)]
    return found


def named_fits(
    answers: Sequence[Array], candidates: Sequence[Candidate], policy: Policy, constants: Constants
) -> list[Fit]:
    """The candidates that are one of `answers` but for a named constant other than 1."""
    found = []
    for answer in answers:
        same = [each for each in candidates if each.predicted.shape == answer.shape]
        if not same or not answer.any():
            continue
        rows, flat = _stacked(same), answer.reshape(-1)
        factors = _factors(rows, flat)
        nearest = constants.nearest(factors)
        values = constants.values[nearest]
        off = np.abs(values[:, None] * rows - flat).max(axis=1)
        bounds = policy.absolute + policy.relative * np.abs(values) * np.abs(rows).max(axis=1)
        tried = len(same) * constants.as_simple[nearest]
        fits = (off <= bounds) & (bounds <= COARSE * largest(answer)) & (np.abs(values - 1) > NEAR)
        fits &= tried * _by_accident(values[:, None] * rows, bounds) <= CHANCE
        found += [Fit(same[i], constants.every[nearest[i]]) for i in np.flatnonzero(fits)]
    return found


def unnamed_factor(answers: Sequence[Array], right: Array, policy: Policy) -> float | None:
    """The constant by which a tensor of at least three entries that count differs from the right one."""
    for answer in answers:
        if answer.shape != right.shape or not answer.any():
            continue
        factor = float(_factors(right.reshape(1, -1), answer.reshape(-1))[0])
        bound = policy.absolute + policy.relative * abs(factor) * largest(right)
        counting = int(np.count_nonzero(np.abs(answer) > 100 * bound))
        if counting >= INDEPENDENT and abs(factor - 1) > NEAR and largest(answer - factor * right) <= bound:
            return factor
    return None


def rounded_to(answers: Sequence[Array], right: Array) -> int | None:
    """The number of decimals that a tensor was rounded to, where that alone is what makes it wrong."""
    for answer in answers:
        if answer.shape != right.shape or not answer.any():
            continue
        for places in range(1, 7):
            unit = 10.0**-places
            kept = np.abs(answer - np.round(answer, places)).max() <= 1e-9 * largest(answer)
            if kept:
                several = np.count_nonzero(answer) >= INDEPENDENT
                near = largest(answer - right) <= HALF_A_PLACE * unit
                return places if near and largest(right) > unit * (FEW_DIGITS if several else MANY_DIGITS) else None
    return None


def _stacked(candidates: Sequence[Candidate]) -> Array:
    rows = np.array([each.predicted.reshape(-1) for each in candidates])
    rows[~np.isfinite(rows).all(axis=1)] = 0.0  # fits nothing
    return rows


def _by_accident(rows: Array, bounds: Array) -> Array:
    """How likely numbers of the size of each row are within its bound of it."""
    sizes = np.abs(rows)
    likely: Array = np.divide(2 * bounds[:, None], sizes, out=np.ones_like(sizes), where=sizes > 2 * bounds[:, None])
    together: Array = likely.prod(axis=1)
    return together


def _factors(rows: Array, flat: Array) -> Array:
    """The least-squares constant of each row."""
    squares = np.einsum("ij,ij->i", rows, rows)
    factors: Array = np.divide(rows @ flat, squares, out=np.zeros(len(rows)), where=squares > 0)
    return factors
