"""Every slip that can be made in a net, one file a kind of place."""

from __future__ import annotations

from collections.abc import Iterator

from grading.by_hand.net import Shape
from grading.by_hand.slips import activation, bookkeeping, constants, linear, loss, moved, parameter, value
from grading.by_hand.slips.slip import Slip

KINDS = (loss, activation, linear, parameter, value, constants, moved, bookkeeping)


def every(shape: Shape) -> Iterator[Slip]:
    """All of them, at every place where they apply to a net of that shape."""
    for kind in KINDS:
        yield from kind.slips(shape)
