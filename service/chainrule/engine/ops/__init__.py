"""One family of ops a file. Importing this package registers them all."""

from chainrule.engine.ops import (
    arithmetic,
    exponential,
    linear,
    losses,
    maxima,
    products,
    rectifiers,
    reductions,
    shaping,
    sigmoids,
    softmax,
)

__all__ = [
    "arithmetic",
    "exponential",
    "linear",
    "losses",
    "maxima",
    "products",
    "rectifiers",
    "reductions",
    "shaping",
    "sigmoids",
    "softmax",
]
