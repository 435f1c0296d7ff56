"""Mistakes in the forward pass of one node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from chainrule.engine.op import Elementwise
from chainrule.engine.ops.linear import Linear
from chainrule.engine.ops.rectifiers import Identity, Relu
from chainrule.engine.registry import find
from chainrule.grading.mistakes.activation import COMMON
from chainrule.grading.mistakes.places import ValuePlace
from chainrule.grading.mistakes.registry import Altered, Registry

value_mistake: Registry[ValuePlace] = Registry()


@value_mistake(
    "activation_missing",
    "the activation {at} is left out of the forward pass",
    "Apply the activation before the next layer.",
)
def activation_missing(here: ValuePlace) -> Iterator[Altered]:
    if here.is_activation:
        yield Altered(here.inputs[0], op=Identity())


@value_mistake(
    "scale_missing",
    "the scale of {at} is left out of the forward pass",
    "This activation is scaled: read its definition again.",
)
def scale_missing(here: ValuePlace) -> Iterator[Altered]:
    if isinstance(here.op, Relu) and here.op.scale != 1:
        op = replace(here.op, scale=1.0)
        yield Altered(op.f(here.xp, here.inputs[0]), op=op)


@value_mistake(
    "other_activation",
    "the activation at {at} is {detail}",
    "Check which activation this layer has.",
)
def other_activation(here: ValuePlace) -> Iterator[Altered]:
    if not here.is_activation:
        return
    for name in (*COMMON, "softargmax"):
        op = find(name)()
        if name != here.op.name and (isinstance(op, Elementwise) or here.inputs[0].ndim > 1):
            yield Altered(op.forward(here.xp, here.inputs[0])[0], name, op)


@value_mistake(
    "activation_twice",
    "the activation {at} is applied twice",
    "Look for a second activation, in the layer or in the loss.",
)
def activation_twice(here: ValuePlace) -> Iterator[Altered]:
    if here.is_activation:
        yield Altered(here.op.forward(here.xp, here.output, *here.inputs[1:])[0])


@value_mistake(
    "bias_missing",
    "the bias of {at} is left out of the forward pass",
    "s = W x + b: add the bias to every example.",
)
def bias_missing(here: ValuePlace) -> Iterator[Altered]:
    if isinstance(here.op, Linear) and len(here.inputs) == 3:
        yield Altered(here.op.forward(here.xp, *here.inputs[:2])[0])


@value_mistake(
    "weight_transposed",
    "the weight of {at} is transposed in the forward pass",
    "With examples as rows, S = X Wᵀ + b.",
)
def weight_transposed(here: ValuePlace) -> Iterator[Altered]:
    if isinstance(here.op, Linear) and here.inputs[1].shape[0] == here.inputs[1].shape[1]:
        x, weight, *bias = here.inputs
        flipped = replace(here.op, weight_layout="in_out" if here.op.weight_layout == "out_in" else "out_in")
        yield Altered(here.op.forward(here.xp, x, weight.mT, *bias)[0], op=flipped)


@value_mistake(
    "wrong_input",
    "{at} is given {detail}",
    "Follow the arrows of the network: what does this layer take?",
)
def wrong_input(here: ValuePlace) -> Iterator[Altered]:
    for name, value in here.others:
        given = (value, *here.inputs[1:])
        yield Altered(here.op.forward(here.xp, *given)[0], f"{name} in place of {here.input_name}", inputs=given)
