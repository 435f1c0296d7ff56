"""Every mistake that there is a name for, at every place of many nets, is called by just the names that fit it."""

from __future__ import annotations

import pytest

from chainrule.grading.mistakes import (
    activation_mistake,
    linear_mistake,
    loss_mistake,
    parameter_mistake,
    value_mistake,
)
from grading.by_hand.net import Shape
from grading.by_hand.slips import every
from grading.submitting import SETS
from grading.sweep import CALLED_RIGHT, Tally, every_shape, sweep

LEAST = 0.995

OF_THE_LESSON = Shape((3, 7, 5), 11, ("tanh", "sigmoid"), "bce")
QUICK: list[tuple[Shape, str]] = [
    *((OF_THE_LESSON, which) for which in SETS),
    (Shape((3, 7, 5), 11, ("relu3", "identity"), "squared_error"), "usual"),
    (Shape((3, 7, 5), 11, ("relu3", "identity"), "cross_entropy"), "without y_hat"),
    (Shape((13, 11, 7), 5, ("softargmax", "softargmax"), "bce", binary=True), "usual"),
    (Shape((13, 11, 7), 5, ("identity", "relu3"), "squared_error", "sum"), "parameters"),
    (Shape((7, 5), 11, ("sigmoid",), "bce", binary=True), "usual"),
    (Shape((3, 7, 7, 5), 11, ("tanh", "sigmoid", "identity"), "squared_error"), "every gradient"),
    (Shape((3, 7, 7, 5), 11, ("relu3", "relu3", "softargmax"), "squared_error"), "usual"),
]


@pytest.mark.parametrize(("shape", "which"), QUICK, ids=lambda value: str(value).replace(" ", "_"))
def test_every_mistake_is_called_by_the_names_of_its_class(shape: Shape, which: str) -> None:
    _check(sweep([(shape, which, (1,))]))


@pytest.mark.slow
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_every_mistake_in_every_net_is_called_by_the_names_of_its_class(layers: int) -> None:
    shapes = [(number, shape) for number, shape in enumerate(every_shape()) if shape.layers == layers]
    # Each set with each g and each loss: there are fifteen of those for every f.
    kinds = list(SETS)
    _check(sweep((shape, kinds[(number + number // 15) % len(kinds)], (number,)) for number, shape in shapes))


def test_every_entry_of_the_registry_is_made_by_hand() -> None:
    made = {slip.code for shape, _ in QUICK for slip in every(shape)}
    registries = (activation_mistake, linear_mistake, loss_mistake, parameter_mistake, value_mistake)
    assert {mistake.code for registry in registries for mistake in registry} <= made


def _check(tally: Tally) -> None:
    told = "\n".join((str(tally), *tally.failures))
    print(told)
    assert not tally.counts[CALLED_RIGHT], told
    assert tally.exact >= LEAST, told
