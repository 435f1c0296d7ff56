"""Numbers in LaTeX: matrices with what an instance has in them, where they are few."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_LENGTH = 8
"""Rows or columns of a matrix that is written out."""
TALLEST = 3
"""Entries of a column that is written upright, and not as the transpose of a row."""
DIGITS = 4
"""Significant digits that are shown."""


@dataclass(frozen=True)
class Shown:
    """Numbers as they are printed, and whether that is what they are: else they are rounded."""

    latex: str
    exact: bool

    @property
    def equals(self) -> str:
        """How they are to be set equal."""
        return "=" if self.exact else r"\approx"


def fits(shape: tuple[int, ...]) -> bool:
    """Whether a tensor of this shape is written out."""
    return len(shape) <= 2 and all(length <= MOST_LENGTH for length in shape)


def shown(array: NDArray[Any]) -> Shown:
    """A number, a vector or a matrix."""
    texts = [number(float(each)) for each in array.flat]
    exact = all(text.exact for text in texts)
    if array.ndim == 0:
        return Shown(texts[0].latex, exact)
    if array.ndim == 1 or array.shape[1] == 1:
        return Shown(_column([text.latex for text in texts]), exact)
    if _is_diagonal(array):
        own = texts[:: len(array) + 1]
        return Shown(rf"\operatorname{{diag}}\left({_separated(own)}\right)", exact)
    width = array.shape[1]
    rows = [" & ".join(text.latex for text in texts[start : start + width]) for start in range(0, len(texts), width)]
    return Shown(_matrix(rows), exact)


def number(value: float) -> Shown:
    """A number, to so many digits."""
    if not np.isfinite(value):
        return Shown(r"\mathrm{NaN}" if value != value else r"\infty" if value > 0 else r"-\infty", True)
    text = f"{value + 0.0:.{DIGITS}g}"
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return Shown(mantissa, float(text) == value)
    before = "" if mantissa == "1" else "-" if mantissa == "-1" else rf"{mantissa} \cdot "
    return Shown(f"{before}10^{{{int(exponent)}}}", float(text) == value)


def _column(texts: list[str]) -> str:
    if len(texts) <= TALLEST:
        return _matrix(texts)
    return rf"{_matrix([' & '.join(texts)])}^{{\top}}"


def _matrix(rows: list[str]) -> str:
    return r"\begin{pmatrix} " + r" \\ ".join(rows) + r" \end{pmatrix}"


def _is_diagonal(array: NDArray[Any]) -> bool:
    rows, columns = array.shape
    return rows == columns and rows > 1 and not array[~np.eye(rows, dtype=bool)].any()


def _separated(texts: list[Shown]) -> str:
    return ", ".join(text.latex for text in texts)
