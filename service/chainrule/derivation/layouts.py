"""The layouts on paper: shapes and axes of what stands in a chain, as the engine lays out what it returns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.backends import Shape
from chainrule.engine.layouts import Layout


def gradient_shape(shape: Shape, layout: Layout) -> Shape:
    """Of ∂C/∂v, `shape` being that of v."""
    if layout == "torch" or not shape:
        return shape
    if len(shape) == 1:
        return (1, *shape) if layout == "numerator" else (*shape, 1)
    return shape[::-1] if layout == "numerator" else shape


def jacobian_shape(of: Shape, wrt: Shape, layout: Layout) -> Shape:
    """Of ∂y/∂x, for y and x of these shapes."""
    if not of or not wrt:
        return of or gradient_shape(wrt, layout)
    if layout == "torch":
        return (*of, *wrt)
    return (*of, *wrt[::-1]) if layout == "numerator" else (*wrt, *of[::-1])


def laid_out(value: NDArray[Any], of: Shape, wrt: Shape, layout: Layout) -> NDArray[Any]:
    """A Jacobian of one example, (*of, *wrt), in a layout."""
    if layout == "torch" or not of or not wrt:
        moved = value if layout != "numerator" or of else value.transpose()
        return np.asarray(moved).reshape(jacobian_shape(of, wrt, layout))
    ours, theirs = list(range(len(of))), list(range(len(of), len(of) + len(wrt)))
    axes = [*ours, *theirs[::-1]] if layout == "numerator" else [*theirs, *ours[::-1]]
    return value.transpose(axes)
