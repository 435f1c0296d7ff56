"""Slips on the way back through an activation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from grading.by_hand import functions
from grading.by_hand.net import Shape
from grading.by_hand.slips.slip import Slip
from grading.by_hand.solve import RULES, Array, Here, Rule

CONFUSED = ("relu", "tanh", "sigmoid")


def slips(shape: Shape) -> Iterator[Slip]:
    for layer, function in enumerate(shape.functions, start=1):
        for code, detail, rule in _rules(function):
            yield Slip(code, f"a{layer}", {("back through the activation", layer): rule}, detail)
            if code != "derivative_missing" or detail is not None:  # else it is called stopped_short
                for step in ("weight", "bias"):
                    alone = {(step, layer): partial(_alone, step, rule)}
                    yield Slip(code, f"a{layer}", alone, detail, how=f"for the {step} alone")


def _alone(step: str, rule: Rule, here: Here) -> Array:
    """One parameter's gradient, from a ∂C/∂s that has the slip."""
    wrong = rule(replace(here, g=here.g_before))
    return RULES[step](replace(here, g=wrong))


def _rules(function: str) -> Iterator[tuple[str, str | None, Rule]]:
    yield "derivative_missing", None, lambda here: here.g
    if function == "relu3":
        yield "derivative_missing", "all but its scale", lambda here: here.g * functions.RELU_SCALE
        yield "mask_of_cotangent", None, lambda here: functions.RELU_SCALE * functions.relu(here.g)
    for other in CONFUSED:
        if other != function.removesuffix("3"):
            yield "derivative_of_other", other, _times(functions.DERIVATIVE[other])
            if function == "relu3":
                yield "derivative_of_other", f"{other}, scaled by 3", _times(functions.DERIVATIVE[other], 3.0)
    if function == "softargmax":
        yield from _of_softargmax()
        return
    derivative, in_the_output = functions.DERIVATIVE[function], functions.IN_THE_OUTPUT[function]
    yield "derivative_at_output", None, lambda here: here.g * derivative(here.a)
    yield "derivative_from_input", None, lambda here: here.g * in_the_output(here.s)
    if function != "relu3":
        yield "derivative_inverted", None, lambda here: here.g / derivative(here.s)


def _of_softargmax() -> Iterator[tuple[str, str | None, Rule]]:
    def with_probabilities(p: Array, here: Here) -> Array:
        return np.stack([row @ (np.diag(q) - np.outer(q, q)) for row, q in zip(here.g, p, strict=True)])

    yield "diagonal_only", None, lambda here: here.g * here.a * (1 - here.a)
    yield "derivative_at_output", None, lambda here: with_probabilities(functions.softargmax(here.a), here)
    yield "derivative_from_input", None, lambda here: here.s * (here.g - (here.g * here.s).sum(axis=1, keepdims=True))


def _times(derivative: Callable[[Array], Array], scale: float = 1.0) -> Rule:
    return lambda here: here.g * derivative(here.s) * scale
