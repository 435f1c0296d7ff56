"""A constant of the loss that its derivative leaves out and the way back puts in: right in the end."""

from __future__ import annotations

from collections.abc import Iterator

from grading.by_hand.net import Shape
from grading.by_hand.slips.slip import Slip
from grading.by_hand.solve import Place, Rule


def slips(shape: Shape) -> Iterator[Slip]:
    if shape.reduction != "mean":
        return
    sizes = (shape.batch,) if shape.loss == "cross_entropy" else (shape.batch, shape.outputs)
    for size in (*sizes, shape.batch * shape.outputs):
        start: dict[Place, Rule] = {("back through the loss", 0): _times(size)}
        at_once = {("back through the activation", shape.layers): _times(1 / size)}
        layers = range(1, shape.layers + 1)
        in_the_end = {(step, layer): _times(1 / size) for layer in layers for step in ("weight", "bias")}
        for how, later in (("at once", at_once), ("in each parameter", in_the_end)):
            # With no gradient of a later quantity at hand it is a factor.
            needs = (f"gradients.W{shape.layers}",)
            yield Slip("moved", "C", start | later, value=size, how=f"made good {how}", needs=needs)


def _times(constant: float) -> Rule:
    return lambda here: constant * here.right
