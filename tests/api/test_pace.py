"""Estimates of how long a request takes follow what is measured."""

from __future__ import annotations

import pytest

from chainrule.api.pace import BYTE, OFF, Pace
from chainrule.engine.cost import Cost

COST = Cost(flops=10**8, held=10**5, returned=10**3, calls=10)


def test_before_anything_is_measured_cost_and_length_say_it() -> None:
    pace = Pace()
    assert pace.of_body("loss", 10**6) == 10**6 * BYTE
    assert pace.of_cost("loss", COST, 10**6) == COST.seconds + 10**6 * BYTE
    assert pace.of_cost("loss", COST + COST, 0) > pace.of_cost("loss", COST, 0)


@pytest.mark.parametrize("slower", [0.3, 1.0, 4.0])
def test_it_follows_what_is_measured_for_other_costs_of_the_operation_too(slower: float) -> None:
    pace = Pace()
    for _ in range(40):
        pace.learn("loss", COST, 0, slower * COST.seconds)
    assert pace.of_cost("loss", COST + COST, 0) == pytest.approx(slower * (COST + COST).seconds, rel=0.01)
    assert pace.of_cost("train", COST, 0) == COST.seconds
    assert pace.of_body("loss", 0) == pytest.approx(slower * COST.seconds, rel=0.01)


def test_a_length_stands_for_those_of_its_size() -> None:
    pace = Pace()
    pace.learn("loss", COST, 40_000, 0.02)
    assert pace.of_body("loss", 50_000) == 0.02
    assert pace.of_body("loss", 400_000) == 400_000 * BYTE


def test_a_length_alone_is_learned_from_too() -> None:
    pace = Pace()
    for seconds in (0.02, 0.07):
        pace.learn_by_length("batch", 40_000, seconds)
    assert pace.of_body("batch", 50_000) == pytest.approx(0.03)


def test_one_that_is_far_off_moves_it_only_so_far() -> None:
    pace = Pace()
    for _ in range(100):
        pace.learn("loss", COST, 0, 1e6)
    assert pace.of_cost("loss", COST, 0) == pytest.approx(OFF[1] * COST.seconds)
