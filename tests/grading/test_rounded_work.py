"""Numbers that were rounded: to be handed in, or before the next was worked out. Neither costs points downstream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from chainrule import operations

Array = NDArray[Any]
Alter = Callable[[Array], Array]


def marked(seed: int, places: int, *, carried: bool, **altered: Alter) -> dict[str, str]:
    """Statuses of everything that a net asks for, by whoever rounds to so many places, and carries on from that or not.

    altered: what becomes of some of the numbers, by name.
    """
    rng = np.random.default_rng(seed)

    def step(name: str, found: Array) -> Array:
        found = altered[name](found) if name in altered else found
        answers[name] = np.round(found, places)
        return answers[name] if carried else found

    answers: dict[str, Array] = {}
    x, w1, b1, w2, b2, y = (rng.normal(size=shape).round(2) for shape in ((6, 3), (5, 3), 5, (4, 5), 4, (6, 4)))
    s1 = step("s1", x @ w1.T + b1)
    a1 = step("a1", np.tanh(s1))
    into_y = step("y_hat", 2 * (step("outputs", a1 @ w2.T + b2) - y))
    step("W2", into_y.T @ a1)
    step("b2", into_y.sum(axis=0))
    into_s1 = step("into_s1", step("into_a1", into_y @ w2) * (1 - a1**2))
    step("W1", into_s1.T @ x)
    step("b1", into_s1.sum(axis=0))

    layers = [{"op": "linear", "weight": w1, "bias": b1}, {"op": "tanh"}, {"op": "linear", "weight": w2, "bias": b2}]
    problem = {"network": {"layers": layers}, "inputs": x, "targets": y, "loss": "squared_error"}
    of_nodes = {"a1": answers["into_a1"], "s1": answers["into_s1"]}
    submission = {
        "outputs": answers["outputs"],
        "values": {name: answers[name] for name in ("s1", "a1")},
        "gradients": {**{name: answers[name] for name in ("y_hat", "W2", "b2", "W1", "b1")}, **of_nodes},
    }
    found = operations.run("grade", {**problem, "policy": {"places": places}, "answers": submission})
    return {item["quantity"]: item["status"] for item in found["items"]}


def charged(found: dict[str, str]) -> list[str]:
    return [name for name, status in found.items() if status not in ("correct", "correct_given_own_work")]


def noise(found: Array) -> Array:
    return found + np.random.default_rng(7).normal(size=found.shape)


@pytest.mark.parametrize("places", [2, 3, 4, 6])
@pytest.mark.parametrize("seed", range(5))
def test_rounding_every_number_and_carrying_on_from_it_costs_nothing(places: int, seed: int) -> None:
    found = marked(seed, places, carried=True)
    assert "correct_given_own_work" in found.values()
    assert not charged(found)


@pytest.mark.parametrize(
    ("places", "carried"), [(2, True), (3, True), (3, False), (4, True), (4, False), (6, True), (6, False)]
)
@pytest.mark.parametrize("seed", range(5))
def test_after_a_wrong_number_that_nothing_explains_rounding_costs_nothing(
    seed: int, places: int, carried: bool
) -> None:
    assert charged(marked(seed, places, carried=carried, y_hat=noise)) == ["gradients.y_hat"]
    assert charged(marked(seed, places, carried=carried, s1=noise)) == ["values.s1"]


LATER: dict[str, tuple[Alter, str]] = {
    "W2": (lambda right: 1.1 * right, "gradients.W2"),
    "b2": (lambda right: right / 6, "gradients.b2"),
    "into_s1": (lambda right: -right, "gradients.s1"),
    "W1": (lambda right: right + np.eye(5, 3) * np.abs(right).max(), "gradients.W1"),
    "b1": (noise, "gradients.b1"),
}


@pytest.mark.parametrize("carried", [True, False])
@pytest.mark.parametrize("places", [3, 4])
@pytest.mark.parametrize("second", LATER)
def test_another_mistake_after_it_is_charged(second: str, places: int, carried: bool) -> None:
    alter, name = LATER[second]
    found = marked(0, places, carried=carried, **{"y_hat": noise, second: alter})
    assert charged(found) == ["gradients.y_hat", name]


@pytest.mark.parametrize("places", [2, 3])
def test_no_other_numbers_follow_from_rounded_ones(places: int) -> None:
    for name in ("into_a1", "W2", "b2", "W1"):
        found = marked(0, places, carried=True, **{name: lambda right: right + 10.0 ** (1 - places)})
        assert len(charged(found)) == 1
