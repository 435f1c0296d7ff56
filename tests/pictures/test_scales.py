"""Axes: their ranges and round ticks."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.pictures.scales import Scale, linear_scale, logarithmic_scale


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-5, 5, ["−4", "−2", "0", "2", "4"]),
        (0, 1, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (-0.02, 0.02, ["−0.02", "−0.01", "0", "0.01", "0.02"]),
        (0, 1500, ["0", "500", "1000", "1500"]),
        (0, 4e6, ["0", "1e+06", "2e+06", "3e+06", "4e+06"]),
        (0.9, 1.0, ["0.90", "0.92", "0.94", "0.96", "0.98", "1.00"]),
    ],
)
def test_ticks_are_round(low: float, high: float, words: list[str]) -> None:
    assert [written for _, written in Scale(low, high).ticks(6)] == words


def test_powers_of_ten_are_written_as_such() -> None:
    assert [words for _, words in logarithmic_scale([0.002, 3]).ticks(6)] == ["10⁻³", "10⁻²", "10⁻¹", "1", "10"]
    assert len(logarithmic_scale([1e-300, 1e300]).ticks(6)) <= 7


def test_what_cannot_be_shown_does_not_count() -> None:
    assert linear_scale([0, 1, nan, inf, -inf]) == linear_scale([0, 1])
    assert logarithmic_scale([1, 10, 0, -1, nan, inf]) == logarithmic_scale([1, 10])
    assert linear_scale([]).at(0) == 0.5
    assert linear_scale([2, 2, 2]).at(2) == 0.5
    assert linear_scale([5e-324]).at(0) == 0.5
    assert logarithmic_scale([0]).high == 10


@given(st.lists(st.floats(), max_size=8))
def test_every_list_of_numbers_has_an_axis(values: list[float]) -> None:
    for scale in (linear_scale(values), logarithmic_scale(values)):
        assert scale.low < scale.high
        assert 1 <= len(scale.ticks(6)) <= 14
        assert all(-0.001 <= scale.at(value) <= 1.001 for value, _ in scale.ticks(6))
