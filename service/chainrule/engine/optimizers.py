"""Rules by which a value follows its gradient: stochastic gradient descent, and Adam, each equal to torch.optim's.

A rule is a pure function of one value: what it remembers from step to step goes in and comes out. `maximize` and
`weight_decay` come before everything else, as in torch: g ← −g, then g ← g + λθ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from chainrule.engine.backends import Array, Namespace

Memory = Mapping[str, Array]
"""What a rule remembers of one value, under torch's names. Empty before the first step."""


class Optimizer(Protocol):
    """How a value moves."""

    name: ClassVar[str]

    @property
    def remembers(self) -> tuple[str, ...]:
        """The names of what there is in memory after a step, each of the value's own shape."""

    def update(
        self, xp: Namespace, value: Array, gradient: Array, memory: Memory, step: int
    ) -> tuple[Array, dict[str, Array]]:
        """The value after this step, the `step`-th from 1, and what to remember. All arrays are of one shape."""


@dataclass(frozen=True, slots=True)
class SGD:
    """θ ← θ − η·d, with d = g, or with a momentum μ the velocity v ← μv + (1 − τ)g (Sutskever et al., 2013).

    The first velocity is g itself, undampened. With `nesterov`, d = g + μv. torch's, not the textbook's: the rate η
    multiplies the velocity, not what is added to it.
    """

    name: ClassVar[str] = "sgd"

    learning_rate: float
    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    maximize: bool = False

    @property
    def remembers(self) -> tuple[str, ...]:
        return ("momentum_buffer",) if self.momentum else ()

    def update(
        self, xp: Namespace, value: Array, gradient: Array, memory: Memory, step: int
    ) -> tuple[Array, dict[str, Array]]:
        g = _decayed(value, gradient, self.weight_decay, self.maximize)
        if not self.momentum:
            return value - self.learning_rate * g, {}
        velocity = self.momentum * memory["momentum_buffer"] + (1 - self.dampening) * g if memory else g
        direction = g + self.momentum * velocity if self.nesterov else velocity
        return value - self.learning_rate * direction, {"momentum_buffer": velocity}


@dataclass(frozen=True, slots=True)
class Adam:
    """θ ← θ − η·m̂ / (√v̂ + ε), with m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ)
    (Kingma and Ba, 2015). `weight_decay` is added to the gradient, as in torch's Adam; AdamW's is not."""

    name: ClassVar[str] = "adam"

    learning_rate: float
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0
    maximize: bool = False

    @property
    def remembers(self) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    def update(
        self, xp: Namespace, value: Array, gradient: Array, memory: Memory, step: int
    ) -> tuple[Array, dict[str, Array]]:
        g = _decayed(value, gradient, self.weight_decay, self.maximize)
        mean, square = (1 - self.beta1) * g, (1 - self.beta2) * g * g
        if memory:
            mean = self.beta1 * memory["exp_avg"] + mean
            square = self.beta2 * memory["exp_avg_sq"] + square
        width = xp.sqrt(square / (1 - self.beta2**step)) + self.eps
        moved = value - self.learning_rate * (mean / (1 - self.beta1**step)) / width
        return moved, {"exp_avg": mean, "exp_avg_sq": square}


def _decayed(value: Array, gradient: Array, weight_decay: float, maximize: bool) -> Array:
    g = -gradient if maximize else gradient
    return g + weight_decay * value if weight_decay else g
