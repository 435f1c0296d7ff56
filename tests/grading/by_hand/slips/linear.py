"""Slips on the way back through a linear layer."""

from __future__ import annotations

from collections.abc import Iterator

from grading.by_hand.net import Shape
from grading.by_hand.slips.slip import Slip


def slips(shape: Shape) -> Iterator[Slip]:
    for layer in range(1, shape.layers + 1):
        if shape.widths[layer - 1] == shape.widths[layer]:
            rules = {("back through the linear", layer): lambda here: here.g @ here.W.T}
            yield Slip("weight_not_transposed", f"s{layer}", rules)
