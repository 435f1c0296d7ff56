"""One family of ops a file. Importing this package registers them all."""

from chainrule.engine.ops import (
    linear,
    losses,
    rectifiers,
)

__all__ = ["linear", "losses", "rectifiers"]
