"""NumPy over complex numbers, for derivatives by complex step.

For an analytic f, Im f(x + ih·v) / h is the directional derivative to rounding, with no difference taken
(Squire and Trapp, 1998). Where a function branches, the real part decides, so the step is also right on every smooth
piece of a function with kinks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.backends.namespace import Array, Axis
from chainrule.engine.backends.numpy import NumpyNamespace

STEP = 1e-20
"""h: so small that h² is lost, so large that h is not."""


class ComplexNamespace(NumpyNamespace):
    """Values carry a tangent in their imaginary part. It has no `erf`: see `Op.analytic`."""

    def __init__(self) -> None:
        super().__init__("float64")
        self._dtype = np.dtype(np.complex128)

    def asarray(self, values: NDArray[Any]) -> Array:
        return np.array(values, dtype=np.int64 if values.dtype.kind in "iu" else np.complex128)

    @staticmethod
    def abs(x: Array) -> Array:  # type: ignore[override]
        return x * np.sign(x.real)

    @staticmethod
    def sign(x: Array) -> Array:  # type: ignore[override]
        return np.sign(x.real).astype(x.dtype)

    @staticmethod
    def step(x: Array) -> Array:
        return (x.real > 0).astype(x.dtype)

    @staticmethod
    def sigmoid(x: Array) -> Array:
        up = x.real > 0
        power = np.exp(np.where(up, -x, x))
        return np.where(up, 1, power) / (1 + power)

    @staticmethod
    def softplus(x: Array) -> Array:
        up = x.real > 0
        return np.where(up, x, 0) + np.log1p(np.exp(np.where(up, -x, x)))

    @staticmethod
    def relu(x: Array) -> Array:
        return np.where(x.real > 0, x, 0)

    @staticmethod
    def where_positive(x: Array, y: Array) -> Array:
        return np.where(x.real > 0, y, 0)

    @staticmethod
    def maximum(x: Array, y: Array) -> Array:  # type: ignore[override]
        return np.where(np.real(x) >= np.real(y), x, y)

    @staticmethod
    def clip(x: Array, low: float, high: float) -> Array:
        return np.where(x.real < low, low, np.where(x.real > high, high, x))

    @staticmethod
    def max(x: Array, axis: Axis, keepdims: bool = False) -> Array:
        if isinstance(axis, tuple):
            for each in sorted(axis):
                x = ComplexNamespace.max(x, each, keepdims=True)
            return x if keepdims else np.squeeze(x, axis=axis)
        at = np.expand_dims(np.argmax(x.real, axis=axis), axis)
        top = np.take_along_axis(x, at, axis=axis)
        return top if keepdims else np.squeeze(top, axis=axis)
