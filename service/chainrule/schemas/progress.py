"""How far a computation of many steps has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Progress(NamedTuple):
    """So many of the steps are done, and the loss before the last of them."""

    step: int
    steps: int
    loss: float


Watch = Callable[[Progress], object]
"""Who is told."""
