"""A net Linear → f → … → Linear → g, its numbers, and the names of its parts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grading.by_hand.losses import one_hot

Array = NDArray[Any]


@dataclass(frozen=True)
class Shape:
    """What a net is like, apart from its numbers."""

    widths: tuple[int, ...]
    """n, then the width of each layer; the last is K."""
    batch: int
    functions: tuple[str, ...]
    loss: str
    reduction: str = "mean"
    binary: bool = False
    """Targets of 0 and 1 alone."""

    @property
    def layers(self) -> int:
        return len(self.functions)

    @property
    def outputs(self) -> int:
        return self.widths[-1]

    def __str__(self) -> str:
        sizes = "-".join(map(str, self.widths))
        kind = f"{self.reduction}, 0 or 1" if self.binary else self.reduction
        return f"{sizes} N={self.batch} {'·'.join(self.functions)} {self.loss} {kind}"


@dataclass(frozen=True)
class Net:
    """One net with one batch. Layers count from 1; index 0 of each list is unused."""

    shape: Shape
    x: Array
    y: Array
    """Of ŷ's shape; class indices for cross-entropy."""
    W: tuple[Array, ...]
    b: tuple[Array, ...]

    @property
    def dense_targets(self) -> Array:
        """The targets in ŷ's shape."""
        return one_hot(self.y, self.shape.outputs) if self.shape.loss == "cross_entropy" else self.y


NOTHING = np.zeros(0)
NEAR_A_KINK = 1e-3
"""How far from a kink every number of a draw is to be."""
LEAST_PROBABILITY = 1e-4


def draw(shape: Shape, seed: int) -> Net:
    """Random numbers: inputs with a mean, so that sums over the batch do not vanish; no ReLU near its kink."""
    for attempt in range(1000):
        net = _drawn(shape, np.random.default_rng((seed, attempt)))
        if _is_fit(net):
            return net
    raise AssertionError(f"no draw of {shape} keeps away from kinks")


def _drawn(shape: Shape, rng: np.random.Generator) -> Net:
    widths = shape.widths
    weights = [rng.normal(size=(out, into)) / np.sqrt(into) for into, out in pairwise(widths)]
    biases = [rng.normal(size=out) for out in widths[1:]]
    x = rng.normal(size=(shape.batch, widths[0])) + 0.3
    return Net(shape, x, _targets(shape, rng), (NOTHING, *weights), (NOTHING, *biases))


def _targets(shape: Shape, rng: np.random.Generator) -> Array:
    size = (shape.batch, shape.outputs)
    if shape.loss == "cross_entropy":
        return rng.integers(0, shape.outputs, size=shape.batch)
    if shape.binary:
        return rng.integers(0, 2, size=size).astype(float)
    if shape.functions[-1] in ("sigmoid", "softargmax"):
        return rng.uniform(0.1, 0.9, size=size)
    return rng.normal(size=size)


def _is_fit(net: Net) -> bool:
    """Every ReLU away from its kink. In each layer units of either sign, and one in every example that is positive: a
    ReLU there stops something, and no example whole. Probabilities whose logarithms float32 has too.
    """
    from grading.by_hand.solve import solve

    with np.errstate(all="ignore"):
        answers = solve(net)
    for layer, function in enumerate(net.shape.functions, start=1):
        s = answers[f"values.s{layer}"]
        if function == "relu3" and np.abs(s).min() < NEAR_A_KINK:
            return False
        if not 0.1 < (s > 0).mean() < 0.9 or not (s > 0).any(axis=1).all():
            return False
    p = answers["outputs"]
    return net.shape.loss != "bce" or bool((p > LEAST_PROBABILITY).all() and (p < 1 - LEAST_PROBABILITY).all())
