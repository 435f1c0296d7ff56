"""One family of ops a file, as in the engine. Importing this package enters them all."""

from __future__ import annotations

from typing import Any

from chainrule.derivation.notation import Application, Notation, entered
from chainrule.derivation.notations import (
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

FAMILIES = (
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


def notation_of(at: Application) -> Notation[Any]:
    """How an application is written. Raises KeyError for an op that has no notation."""
    return entered(type(at.op))(at)
