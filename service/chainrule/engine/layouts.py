"""How gradients and Jacobians are shaped: torch, numerator or denominator layout.

Only the axes of one example are moved; a batch axis stays first. Both textbook layouts write vectors and matrices, so
they are refused above rank 2. Source of the table: the numerator layout puts ∂y/∂x with y down the rows, and ∂C/∂W with
the shape of Wᵀ; the denominator layout is its mirror image (Magnus and Neudecker; Minka, 2000).
"""

from __future__ import annotations

from typing import Literal

from chainrule.engine.backends import Array, Namespace, Shape
from chainrule.engine.errors import Unsupported

Layout = Literal["torch", "numerator", "denominator"]


def gradient(xp: Namespace, value: Array, shape: Shape, layout: Layout) -> Array:
    """∂C/∂v laid out. `value`: (…, *shape), leading axes kept, where `shape` is that of one example of v."""
    rank = len(shape)
    if layout == "torch" or rank == 0:
        return value
    _refuse_tall(rank, "a gradient", layout)
    if rank == 1:
        return value[..., None, :] if layout == "numerator" else value[..., :, None]
    return value.mT if layout == "numerator" else value


def jacobian(xp: Namespace, value: Array, of: Shape, wrt: Shape, layout: Layout) -> Array:
    """∂y/∂x laid out. `value`: (…, *of, *wrt), leading axes kept; `of` and `wrt` are shapes of one example."""
    if layout == "torch" or not wrt:
        return value
    if not of:
        return gradient(xp, value, wrt, layout)
    _refuse_tall(max(len(of), len(wrt)), "a Jacobian", layout)
    lead = value.ndim - len(of) - len(wrt)
    ours = list(range(lead, lead + len(of)))
    theirs = list(range(lead + len(of), value.ndim))
    axes = [*ours, *reversed(theirs)] if layout == "numerator" else [*theirs, *reversed(ours)]
    return xp.permute(value, [*range(lead), *axes])


def _refuse_tall(rank: int, what: str, layout: Layout) -> None:
    if rank > 2:
        raise Unsupported(
            f"{layout} layout writes vectors and matrices; this is {what} of rank {rank}: ask for torch layout"
        )
