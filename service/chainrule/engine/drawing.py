"""Parameters drawn from a seed, bit for bit the same on every machine, library and release.

The raw 64-bit words of a Philox4x64 counter generator (Salmon et al., 2011), keyed by the seed, are cut into 32-bit
halves k, low half first, each the dyadic uniform k/2³². A uniform number takes one of them; a normal one is the sum of
twelve, less 6 (mean 0, variance 1, within ±6). Sums of dyadic fractions are exact: no C library's log or cos comes in.
"""

from __future__ import annotations

from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.backends import Shape

Init = Literal["normal", "uniform", "zeros", "ones"]
_UNIFORMS_IN_A_NORMAL = 12


def draw(shape: Shape, init: Init, scale: float, seed: int) -> NDArray[Any]:
    """Float64 numbers of `shape`, in row-major order: `scale` times standard normals, uniforms on [-1, 1), 0 or 1."""
    size = prod(shape)
    if init in ("zeros", "ones"):
        return np.full(shape, 0.0 if init == "zeros" else scale)
    if init == "uniform":
        return ((2 * _uniforms(seed, size) - 1) * scale).reshape(shape)
    twelve = _uniforms(seed, size * _UNIFORMS_IN_A_NORMAL).reshape(size, _UNIFORMS_IN_A_NORMAL)
    normals: NDArray[Any] = twelve.sum(axis=1) - _UNIFORMS_IN_A_NORMAL / 2
    return (normals * scale).reshape(shape)


def _uniforms(seed: int, count: int) -> NDArray[Any]:
    words = np.random.Philox(key=seed).random_raw(-(-count // 2))
    halves: NDArray[Any] = words.astype("<u8").view("<u4")[:count]
    uniforms: NDArray[Any] = halves.astype(np.float64) * 2.0**-32
    return uniforms
