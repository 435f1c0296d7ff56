"""Slips in the loss: in its value, in its derivative, or in both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from grading.by_hand import functions, losses
from grading.by_hand.net import Shape
from grading.by_hand.slips.slip import Slip
from grading.by_hand.solve import Array, Here, Rule

VALUE, DERIVATIVE = ("loss", 0), ("back through the loss", 0)
PROBABILITIES = ("sigmoid", "softargmax")


def slips(shape: Shape) -> Iterator[Slip]:
    yield Slip("swapped", "C", {DERIVATIVE: lambda here: -here.right})
    if shape.loss == "bce":
        yield from _of_bce(shape)
    elif shape.loss == "cross_entropy":
        yield from _of_cross_entropy()
    else:
        yield from _of_squared_error(shape)
    yield from _unreduced(shape)
    if shape.functions[-1] != "identity":
        yield from _with_activation_twice(shape)


def _of_bce(shape: Shape) -> Iterator[Slip]:
    if not shape.binary:
        yield from _made(
            "swapped",
            "as arguments",
            lambda p, y: -(p * np.log(y) + (1 - p) * np.log(1 - y)),
            lambda p, y: (y - p) / (y * (1 - y)),
        )
    first, second = lambda p, y: -y * np.log(p), lambda p, y: -(1 - y) * np.log(1 - p)
    by_first, by_second = lambda p, y: -y / p, lambda p, y: (1 - y) / (1 - p)
    for detail, sign_1, sign_2 in (("the second", 1, -1), ("the first", -1, 1)):
        yield from _made("term_sign", detail, *_summed(first, second, by_first, by_second, sign_1, sign_2))
    for detail, sign_1, sign_2 in (("the second", 1, 0), ("the first", 0, 1)):
        yield from _made("term_missing", detail, *_summed(first, second, by_first, by_second, sign_1, sign_2))
    yield _derivative("denominator_missing", None, lambda p, y: p - y)
    yield _derivative("denominator_wrong", "ŷ", lambda p, y: (p - y) / p)
    yield _derivative("denominator_wrong", "1 − ŷ", lambda p, y: (p - y) / (1 - p))
    yield _derivative("denominator_wrong", "ŷ(1 + ŷ)", lambda p, y: (p - y) / (p * (1 + p)))
    yield _derivative("denominator_wrong", "1 + ŷ", lambda p, y: (p - y) / (1 + p))
    yield _derivative("denominator_wrong", "ŷ(ŷ − y)", lambda p, y: (p - y) / (p * (p - y)))
    yield from _other_loss("squared error", "squared_error")
    yield from _other_loss("absolute error", "absolute_error")


def _of_cross_entropy() -> Iterator[Slip]:
    yield _derivative("targets_missing", None, lambda z, _: functions.softargmax(z))
    yield _derivative("activation_missing_in_loss", "softargmax", lambda z, t: z - t)


def _of_squared_error(shape: Shape) -> Iterator[Slip]:
    def share(here: Here) -> float:
        return losses.share(shape.loss, shape.reduction, here.a)

    def error(here: Here) -> Array:
        return here.a - here.net.y

    def norm(here: Here) -> Any:
        return np.sqrt((error(here) ** 2).sum())

    def root(here: Here) -> Array:
        return norm(here) * np.sqrt(share(here))

    yield from _ways("root", None, root, lambda here: error(here) * share(here) / root(here))
    if shape.reduction == "mean":
        yield from _ways("root", "unreduced", norm, lambda here: error(here) / norm(here))
    yield from _other_loss("absolute error", "absolute_error")
    if shape.functions[-1] in PROBABILITIES:
        yield from _other_loss("bce", "bce")


def _unreduced(shape: Shape) -> Iterator[Slip]:
    def elements(here: Here) -> Array:
        return losses.ELEMENTS[shape.loss](here.a, here.net.y)

    def shares(here: Here) -> Array:
        return elements(here) * losses.share(shape.loss, shape.reduction, here.a)

    rules: list[tuple[str, Rule]] = [("elements", elements), ("shares", shares)]
    if shape.loss != "cross_entropy":
        rules += [
            ("sums of rows", lambda here: elements(here).sum(axis=1)),
            ("sums of rows of shares", lambda here: shares(here).sum(axis=1)),
            ("means of rows", lambda here: elements(here).mean(axis=1)),
        ]
    for how, rule in rules:
        yield Slip("unreduced", "C", {VALUE: rule}, how=how)


def _with_activation_twice(shape: Shape) -> Iterator[Slip]:
    name = shape.functions[-1]
    again = functions.FORWARD[name]
    yield from _made(
        "activation_twice",
        "relu" if name == "relu3" else name,
        lambda p, y: losses.ELEMENTS[shape.loss](again(p), y),
        lambda p, y: losses.DERIVATIVE[shape.loss](again(p), y),
    )


def _other_loss(detail: str, name: str) -> Iterator[Slip]:
    yield from _made("other_loss", detail, losses.ELEMENTS[name], losses.DERIVATIVE[name])


Of = Callable[[Array, Array], Array]


def _summed(first: Of, second: Of, by_first: Of, by_second: Of, sign_1: int, sign_2: int) -> tuple[Of, Of]:
    return (
        lambda p, y: sign_1 * first(p, y) + sign_2 * second(p, y),
        lambda p, y: sign_1 * by_first(p, y) + sign_2 * by_second(p, y),
    )


def _made(code: str, detail: str | None, elements: Of, derivative: Of) -> Iterator[Slip]:
    """A loss of other elements, reduced as the right one is."""
    yield from _ways(code, detail, partial(_value, elements), partial(_by_prediction, derivative))


def _ways(code: str, detail: str | None, value: Rule, derivative: Rule) -> Iterator[Slip]:
    yield Slip(code, "C", {VALUE: value, DERIVATIVE: derivative}, detail, how="in value and derivative")
    yield Slip(code, "C", {VALUE: value}, detail, how="in the value")
    yield Slip(code, "C", {DERIVATIVE: derivative}, detail, how="in the derivative")


def _derivative(code: str, detail: str | None, derivative: Of) -> Slip:
    return Slip(code, "C", {DERIVATIVE: partial(_by_prediction, derivative)}, detail)


def _value(elements: Of, here: Here) -> Array:
    return losses.reduced(elements(here.a, here.net.y), here.net.shape.reduction)


def _by_prediction(derivative: Of, here: Here) -> Array:
    shape = here.net.shape
    return derivative(here.a, here.net.dense_targets) * losses.share(shape.loss, shape.reduction, here.a)
