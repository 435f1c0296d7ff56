"""A constant too much, at every place: in the loss, at each step of the way back, in one gradient alone."""

from __future__ import annotations

from collections.abc import Iterator
from math import log

from grading.by_hand import functions
from grading.by_hand.net import Shape
from grading.by_hand.slips.slip import Slip
from grading.by_hand.solve import Rule

ARBITRARY = 1.37
VALUE, DERIVATIVE = ("loss", 0), ("back through the loss", 0)
IN_BOTH, IN_THE_VALUE, IN_THE_DERIVATIVE = "in value and derivative", "in the value", "in the derivative"


def slips(shape: Shape) -> Iterator[Slip]:
    for constant in (-1.0, *_named(shape), ARBITRARY):
        rule = _times(constant)
        yield from _in_the_loss(shape, constant)
        for layer in range(1, shape.layers + 1):
            yield _made(constant, f"a{layer}", ("back through the activation", layer))
            yield _made(constant, f"s{layer}", ("back through the linear", layer))
            for letter, step in (("W", "weight"), ("b", "bias")):
                averaged = constant == 1 / shape.batch
                code = "averaged" if averaged else _code(constant)
                yield Slip(code, f"{letter}{layer}", {(step, layer): rule}, value=constant)
    if shape.loss in ("bce", "cross_entropy"):
        yield from _log_bases(shape)


def _named(shape: Shape) -> list[float]:
    batch, outputs = float(shape.batch), float(shape.outputs)
    found = [2.0, batch, outputs, batch * outputs]
    if "relu3" in shape.functions:
        found.append(functions.RELU_SCALE)
    return [*found, *(1 / constant for constant in found)]


def _in_the_loss(shape: Shape, constant: float) -> Iterator[Slip]:
    rule = _times(constant)
    yield Slip(_code(constant), "C", {DERIVATIVE: rule}, value=constant, how=IN_THE_DERIVATIVE)
    if constant == ARBITRARY:
        return  # a single number that is off by an arbitrary constant is merely wrong
    code = "reduction" if _is_of_a_reduction(shape, constant) else _code(constant)
    yield Slip(code, "C", {VALUE: rule}, value=constant, how=IN_THE_VALUE)
    yield Slip(code, "C", {VALUE: rule, DERIVATIVE: rule}, value=constant, how=IN_BOTH)


def _is_of_a_reduction(shape: Shape, constant: float) -> bool:
    sizes = (shape.batch, shape.outputs, shape.batch * shape.outputs)
    return constant in (*sizes, *(1 / size for size in sizes))


def _log_bases(shape: Shape) -> Iterator[Slip]:
    """At a parameter such a constant is a factor as any other."""
    for base in (2, 10):
        rule, value, detail = _times(1 / log(base)), 1 / log(base), f"base {base}"
        yield Slip("log_base", "C", {VALUE: rule}, detail, value, how=IN_THE_VALUE)
        yield Slip("log_base", "C", {DERIVATIVE: rule}, detail, value, how=IN_THE_DERIVATIVE)
        yield Slip("log_base", "C", {VALUE: rule, DERIVATIVE: rule}, detail, value, how=IN_BOTH)
        for layer in range(1, shape.layers + 1):
            yield Slip("factor", f"W{layer}", {("weight", layer): rule}, value=value)
            yield Slip("factor", f"b{layer}", {("bias", layer): rule}, value=value)


def _made(constant: float, at: str, place: tuple[str, int]) -> Slip:
    return Slip(_code(constant), at, {place: _times(constant)}, value=constant)


def _code(constant: float) -> str:
    return "sign" if constant == -1 else "factor"


def _times(constant: float) -> Rule:
    return lambda here: constant * here.right
