"""One family of ops a file. Importing this package registers them all."""

from chainrule.engine.ops import (
    exponential,
    linear,
    losses,
    maxima,
    rectifiers,
    sigmoids,
    softmax,
)

__all__ = [
    "exponential",
    "linear",
    "losses",
    "maxima",
    "rectifiers",
    "sigmoids",
    "softmax",
]
