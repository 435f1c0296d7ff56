"""Where a mistake can be made, and what is at hand there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.engine.backends import Namespace
from chainrule.engine.op import Elementwise, Op
from chainrule.engine.ops.linear import Linear
from chainrule.engine.ops.loss import Loss
from chainrule.engine.structure import Outer
from chainrule.grading.arrays import Array
from chainrule.grading.work import Work


def is_activation(op: Op, x: Array, output: Array) -> bool:
    """Whether an op is an activation that keeps the shape of what it takes: logsumexp does not."""
    return op.family == "activation" and output.shape == x.shape


@dataclass(frozen=True, slots=True)
class LossPlace:
    """The loss of ŷ and y. Its derivative and every array here are in ŷ's shape."""

    xp: Namespace
    op: Loss
    prediction: Array
    target: Array
    """In ŷ's shape, or class indices."""
    factor: Any
    """What the reduction and `scale` multiply each element with."""
    output_op: Op | None
    """The op that gave ŷ."""
    output_parameters: tuple[Array, ...] = ()
    """What it took besides its first operand."""

    def value(self, elements: Array) -> Array:
        """A loss with other elements, reduced as this one is."""
        return elements * self.factor if self.op.reduction == "none" else np.asarray(elements.sum() * self.factor)

    @property
    def has_probabilities(self) -> bool:
        """Targets in ŷ's shape."""
        return self.target.shape == self.prediction.shape


@dataclass(frozen=True, slots=True)
class ActivationPlace:
    """The backward pass through an activation a = f(s): what came down to a. Leading axes may stand before N."""

    xp: Namespace
    op: Op
    s: Array
    a: Array
    cotangent: Array

    @property
    def derivative(self) -> Array | None:
        """f'(s), where f acts on each element alone."""
        return self.op.derivative(self.xp, self.s, self.a) if isinstance(self.op, Elementwise) else None


@dataclass(frozen=True, slots=True)
class LinearPlace:
    """The backward pass through s = W x + b into x."""

    op: Linear
    x: Array
    weight: Array
    cotangent: Array

    @property
    def out_in(self) -> Array:
        """W as (out, in)."""
        return self.weight.mT if self.op.weight_layout == "in_out" else self.weight


@dataclass(frozen=True, slots=True)
class ValuePlace:
    """The forward pass of one node."""

    xp: Namespace
    op: Op
    inputs: tuple[Array, ...]
    output: Array
    others: tuple[tuple[str, Array], ...]
    """Other values that have the shape of the node's first input, by name."""
    input_name: str

    @property
    def is_activation(self) -> bool:
        """See `is_activation`."""
        return is_activation(self.op, self.inputs[0], self.output)


@dataclass(frozen=True, slots=True)
class ParameterPlace:
    """One gradient of a parameter, at the step that takes it: right but for what is done here."""

    work: Work
    part: Any
    """What the step contributes, example by example: an Outer or an array (N, *shape)."""
    right: Array
    """The gradient by the right rule."""
    is_bias: bool
    others: tuple[tuple[str, Array], ...]
    """Other values with a batch axis and one axis more, by name; what a weight may be multiplied with by mistake."""
    input_name: str

    @property
    def outer(self) -> Outer | None:
        """The product of cotangent and input, where the gradient is one of vectors."""
        return self.part if type(self.part) is Outer and not self.part.tokens else None

    @property
    def each(self) -> Array:
        """The contribution of each example: (N, *shape)."""
        found: Array = self.part.each() if type(self.part) is Outer else self.part
        return found
