"""Mistakes in the backward pass through an activation, where ∂C/∂s = ∂C/∂a · f'(s)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.engine.op import Elementwise
from chainrule.engine.ops.rectifiers import Relu
from chainrule.engine.ops.softmax import Softargmax
from chainrule.engine.registry import find
from chainrule.grading.arrays import Array
from chainrule.grading.mistakes.places import ActivationPlace
from chainrule.grading.mistakes.registry import Altered, Registry

activation_mistake: Registry[ActivationPlace] = Registry()

COMMON = ("relu", "tanh", "sigmoid")
"""Functions whose derivatives are taken for one another."""


@activation_mistake(
    "derivative_missing",
    "the derivative of {at} is left out: ∂C/∂{at} is passed on as it came",
    "Every activation on the way back multiplies the gradient by its own derivative.",
)
def derivative_missing(here: ActivationPlace) -> Iterator[Altered]:
    yield Altered(here.cotangent)
    if isinstance(here.op, Relu) and here.op.scale != 1:
        yield Altered(here.cotangent * here.op.scale, "all but its scale")


@activation_mistake(
    "derivative_of_other",
    "the derivative at {at} is that of {detail}",
    "Check which activation this layer has, and differentiate that one.",
)
def derivative_of_other(here: ActivationPlace) -> Iterator[Altered]:
    for name in COMMON:
        op = find(name)()
        if name != here.op.name and isinstance(op, Elementwise):
            with_scale = getattr(here.op, "scale", 1.0)
            derivative = op.derivative(here.xp, here.s, op.f(here.xp, here.s))
            yield Altered(here.cotangent * derivative, name)
            if with_scale != 1:
                yield Altered(here.cotangent * derivative * with_scale, f"{name}, scaled by {with_scale:g}")


@activation_mistake(
    "derivative_at_output",
    "the derivative at {at} is taken at the output a instead of the input s",
    "f' wants the value before the activation. Where you have its output, use the formula in the output.",
)
def derivative_at_output(here: ActivationPlace) -> Iterator[Altered]:
    if isinstance(here.op, Elementwise):
        op = here.op
        yield Altered(here.cotangent * op.derivative(here.xp, here.a, op.f(here.xp, here.a)))
    elif isinstance(here.op, Softargmax):
        p = here.xp.softargmax(here.a * here.op.beta, -1)
        yield Altered(_through_softargmax(here, p))


@activation_mistake(
    "derivative_from_input",
    "the derivative at {at} is the formula in the output, given the input s",
    "1 − a² and a(1 − a) are formulas in the activation's output a.",
)
def derivative_from_input(here: ActivationPlace) -> Iterator[Altered]:
    if isinstance(here.op, Elementwise):
        yield Altered(here.cotangent * here.op.derivative(here.xp, here.s, here.s))
    elif isinstance(here.op, Softargmax):
        yield Altered(_through_softargmax(here, here.s))


@activation_mistake(
    "derivative_inverted",
    "the derivative of {at} divides where it should multiply",
    "The chain rule multiplies by f'(s).",
)
def derivative_inverted(here: ActivationPlace) -> Iterator[Altered]:
    derivative = here.derivative
    if derivative is not None and bool((derivative != 0).all()):
        yield Altered(here.cotangent / derivative)


@activation_mistake(
    "diagonal_only",
    "softargmax at {at} is differentiated as if its Jacobian were diagonal: p(1 − p)",
    "Every output of softargmax depends on every input: the Jacobian is diag p − p pᵀ.",
)
def diagonal_only(here: ActivationPlace) -> Iterator[Altered]:
    if isinstance(here.op, Softargmax):
        yield Altered(here.cotangent * here.a * (1 - here.a) * here.op.beta)


@activation_mistake(
    "mask_of_cotangent",
    "the mask of {at} is taken of the gradient that arrives instead of the input s",
    "A ReLU lets the gradient through where its input s was positive.",
)
def mask_of_cotangent(here: ActivationPlace) -> Iterator[Altered]:
    if isinstance(here.op, Relu):
        yield Altered(np.where(here.cotangent > 0, here.cotangent, 0.0) * here.op.scale)


def _through_softargmax(here: ActivationPlace, p: Array) -> object:
    assert isinstance(here.op, Softargmax)
    return here.op.beta * p * (here.cotangent - (here.cotangent * p).sum(-1, keepdims=True))
