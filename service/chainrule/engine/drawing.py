"""Parameters drawn from a seed, bit for bit the same on every machine, library and release.

The raw 64-bit words of a Philox4x64 counter generator (Salmon et al., 2011), keyed by the seed, are cut into 32-bit
halves k, low half first, each the dyadic uniform k/2³². A uniform number takes one of them; a normal one is the sum of
twelve, less 6 (mean 0, variance 1, within ±6); a whole number below n is ⌊k·n/2³²⌋. Sums of dyadic fractions are exact,
and so are products of integers below 2⁶⁴: no C library's log or cos comes in.
"""

from __future__ import annotations

from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.engine.backends import Shape

Init = Literal["normal", "uniform", "zeros", "ones"]
FLOPS = 1_000
"""What drawing one number takes, in floating-point operations of a matrix product."""
MOST_CHOICES = 1 << 16
"""The largest n of whole numbers below n. Each of them then comes up with a probability of 1/n to within 2⁻¹⁶ of it."""

_UNIFORMS_IN_A_NORMAL = 12
_AT_A_TIME = 1 << 16


def draw_held(size: int) -> int:
    """Numbers that drawing an array of `size` holds at once beside it, at most."""
    return size + 3 * _UNIFORMS_IN_A_NORMAL * min(size, _AT_A_TIME)


def draw(shape: Shape, init: Init, scale: float, seed: int) -> NDArray[Any]:
    """Float64 numbers of `shape`, in row-major order: `scale` times standard normals, uniforms on [-1, 1), 0 or 1."""
    if init in ("zeros", "ones"):
        return np.full(shape, 0.0 if init == "zeros" else scale)
    numbers = np.empty(prod(shape))
    generator = np.random.Philox(key=seed)
    for start in range(0, numbers.size, _AT_A_TIME):
        part = numbers[start : start + _AT_A_TIME]
        if init == "uniform":
            part[:] = 2 * _uniforms(generator, part.size) - 1
        else:
            twelve = _uniforms(generator, part.size * _UNIFORMS_IN_A_NORMAL)
            part[:] = twelve.reshape(-1, _UNIFORMS_IN_A_NORMAL).sum(axis=1) - _UNIFORMS_IN_A_NORMAL / 2
    return (numbers * scale).reshape(shape)


def draw_below(n: int, shape: Shape, key: int) -> NDArray[np.int64]:
    """Whole numbers 0 … n − 1 of `shape`, in row-major order, from the stream of a key of up to 128 bits.

    Raises ValueError where n is not within 1 … MOST_CHOICES.
    """
    if not 1 <= n <= MOST_CHOICES:
        raise ValueError(f"whole numbers are drawn below 1 … {MOST_CHOICES}, not below {n}")
    halves = _halves(np.random.Philox(key=key), prod(shape)).astype(np.uint64)
    return (halves * np.uint64(n) >> np.uint64(32)).astype(np.int64).reshape(shape)


def _uniforms(generator: np.random.Philox, count: int) -> NDArray[Any]:
    uniforms: NDArray[Any] = _halves(generator, count) * 2.0**-32
    return uniforms


def _halves(generator: np.random.Philox, count: int) -> NDArray[np.uint32]:
    words: NDArray[Any] = generator.random_raw(-(-count // 2))
    halves: NDArray[np.uint32] = words.astype("<u8").view("<u4")[:count]
    return halves
