"""One family of ops a file. Importing this package registers them all."""

from chainrule.engine.ops import (
    arithmetic,
    classification,
    exponential,
    linear,
    margins,
    maxima,
    penalties,
    probability,
    products,
    rectifiers,
    reductions,
    regression,
    shaping,
    sigmoids,
    softmax,
)

__all__ = [
    "arithmetic",
    "classification",
    "exponential",
    "linear",
    "margins",
    "maxima",
    "penalties",
    "probability",
    "products",
    "rectifiers",
    "reductions",
    "regression",
    "shaping",
    "sigmoids",
    "softmax",
]
