"""Forward and backward of a net, step by step, with any of the steps done by another rule.

A step's rule is a function of `Here`, what is at hand at that step; `Here.right` is what the right rule gives there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grading.by_hand import functions, losses
from grading.by_hand.net import Net

Array = NDArray[Any]
Answers = dict[str, Array]


@dataclass
class Here:
    """What a student has at hand at one step: arrays, and None for what comes later."""

    net: Net
    layer: int
    function: str = ""
    x: Any = None
    """What the layer was given."""
    W: Any = None
    b: Any = None
    s: Any = None
    a: Any = None
    g: Any = None
    """The gradient that arrives."""
    g_before: Any = None
    """The gradient that arrived at the step before: ∂C/∂a where `g` is ∂C/∂s."""
    values: dict[str, Array] = field(default_factory=dict)
    """Every value of the forward pass so far."""
    right: Any = None


Rule = Callable[[Here], Any]
Place = tuple[str, int]
"""A step's name and its layer (0 for the loss)."""

RULES: dict[str, Rule] = {
    "linear": lambda here: here.x @ here.W.T + here.b,
    "activation": lambda here: functions.FORWARD[here.function](here.s),
    "loss": lambda here: _loss(here.net, here.a),
    "back through the loss": lambda here: _derivative(here.net, here.a),
    "back through the activation": lambda here: functions.back(here.function, here.s, here.g),
    "back through the linear": lambda here: here.g @ here.W,
    "weight": lambda here: here.g.T @ here.x,
    "bias": lambda here: here.g.sum(axis=0),
}


def solve(net: Net, instead: Mapping[Place, Rule] | None = None) -> Answers:
    """Every quantity of the net by its name, with other rules at the places of `instead`."""
    return _Solving(net, instead or {}).answers()


class _Solving:
    def __init__(self, net: Net, instead: Mapping[Place, Rule]) -> None:
        self.net, self.instead = net, instead

    def answers(self) -> Answers:
        net, values = self.net, {"x": self.net.x}
        heres: list[Here] = [Here(net, 0)]
        given = net.x
        for layer in range(1, net.shape.layers + 1):
            here = Here(net, layer, net.shape.functions[layer - 1], given, net.W[layer], net.b[layer], values=values)
            here.s = values[f"s{layer}"] = self.step("linear", here)
            given = here.a = values[f"a{layer}"] = self.step("activation", here)
            heres.append(here)
        found: Answers = {f"values.{name}": value for name, value in values.items() if name != "x"}
        found["outputs"] = given
        end = Here(net, 0, a=given, values=values)
        found["loss"] = np.asarray(self.step("loss", end))
        found |= self.gradients(end, heres)
        return found

    def gradients(self, end: Here, heres: list[Here]) -> Answers:
        found: Answers = {}
        g = found["gradients.y_hat"] = self.step("back through the loss", end)
        for here in reversed(heres[1:]):
            layer = here.layer
            found[f"gradients.a{layer}"] = g
            here.g_before, here.g = g, g
            here.g = found[f"gradients.s{layer}"] = self.step("back through the activation", here)
            found[f"gradients.W{layer}"] = self.step("weight", here)
            found[f"gradients.b{layer}"] = self.step("bias", here)
            g = self.step("back through the linear", here)
        found["gradients.x"] = g
        return found

    def step(self, name: str, here: Here) -> Array:
        rule = self.instead.get((name, here.layer))
        if rule is None:
            return RULES[name](here)
        here.right = RULES[name](here)
        return np.asarray(rule(here))


def _loss(net: Net, prediction: Array) -> Array:
    return losses.reduced(losses.ELEMENTS[net.shape.loss](prediction, net.y), net.shape.reduction)


def _derivative(net: Net, prediction: Array) -> Array:
    loss, reduction = net.shape.loss, net.shape.reduction
    return losses.DERIVATIVE[loss](prediction, net.y) * losses.share(loss, reduction, prediction)
