"""Slips with finished gradients: exchanged, zeros, accumulated, rounded."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import combinations

import numpy as np

from grading.by_hand.net import Net, Shape
from grading.by_hand.slips.slip import Slip
from grading.by_hand.solve import Answers

DECIMALS = (3, 4)


def slips(shape: Shape) -> Iterator[Slip]:
    layers = range(shape.layers, 0, -1)
    parameters = [f"{letter}{layer}" for layer in layers for letter in "Wb"]
    nodes = [f"{letter}{layer}" for layer in layers for letter in "as"]
    for one, other in combinations(parameters, 2):
        first, second = f"gradients.{one}", f"gradients.{other}"
        finish = partial(_exchanged, first, second)
        yield Slip("exchanged", f"{one} and {other}", finish=finish, needs=(first, second))
    for at in (*nodes, *parameters):
        name = "gradients.y_hat" if at == nodes[0] else f"gradients.{at}"
        yield Slip("zeros", at, finish=partial(_zeros, name))
        yield from _rounded_ones(name, at)
    yield from _rounded_ones("loss", "C")
    for at in nodes:
        yield from _rounded_ones("outputs" if at == nodes[0] else f"values.{at}", at)
    yield Slip("accumulated", "parameters", finish=partial(_accumulated, parameters), value=2.0)


def _exchanged(one: str, other: str, _: Net, answers: Answers) -> Answers:
    return answers | {one: answers[other], other: answers[one]}


def _zeros(name: str, _: Net, answers: Answers) -> Answers:
    return answers | {name: np.zeros_like(answers[name])}


def _rounded_ones(name: str, at: str) -> Iterator[Slip]:
    for places in DECIMALS:
        yield Slip("rounded", at, detail=f"{places} decimals", finish=partial(_rounded, name, places), needs=(name,))


def _rounded(name: str, places: int, _: Net, answers: Answers) -> Answers:
    """Not where too few digits of the largest entry are left to tell, nor where it is still right or ends in a 0."""
    exact = answers[name]
    rounded, size = np.round(exact, places), np.abs(exact).max()
    digits = 20 if exact.size > 1 else 200
    ends_in_zero = (rounded == np.round(exact, places - 1)).all()
    if ends_in_zero or size < digits * 10.0**-places or np.abs(rounded - exact).max() < 2e-5 * size:
        rounded = np.full_like(exact, np.nan)
    return answers | {name: rounded}


def _accumulated(parameters: list[str], _: Net, answers: Answers) -> Answers:
    return answers | {f"gradients.{name}": 2 * answers[f"gradients.{name}"] for name in parameters}
