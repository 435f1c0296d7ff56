"""The numbers that are drawn: on their grids exactly, by the documented recipe, and pinned bit for bit."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from chainrule.operations.instances.numbers import check_count, draw_numbers
from chainrule.operations.instances.spelling import Draw
from chainrule.operations.refusals import Refused
from chainrule.schemas.templates import Tree
from operations.instances.templates_by_hand import below_by_hand

SEEDS = st.integers(0, 2**64 - 1)
SHAPES = st.lists(st.integers(1, 5), max_size=3).map(tuple)


def drawn(fields: dict[str, Any], shape: tuple[int, ...], seed: int = 7, attempt: int = 0, classes: int = 0) -> Any:
    how = TypeAdapter(Tree).validate_python({"shape": list(shape), **fields})
    return draw_numbers(Draw("/place", how, shape, classes), seed, attempt)


@st.composite
def grids(draw: st.DrawFn) -> dict[str, Any]:
    step = Fraction(draw(st.integers(1, 12)), 2 ** draw(st.integers(0, 10)))
    first = draw(st.integers(-1000, 1000))
    last = first + draw(st.integers(1, 2000))
    fields: dict[str, Any] = {"step": float(step), "low": float(first * step), "high": float(last * step)}
    return {**fields, "nonzero": draw(st.booleans()) and (first, last) not in [(0, 0)]}


@given(grids(), SHAPES, SEEDS)
def test_a_grid_holds_every_number_exactly_and_shows_it_in_few_digits(
    fields: dict[str, Any], shape: tuple[int, ...], seed: int
) -> None:
    found = drawn(fields, shape, seed)
    assert found.shape == shape
    assert found.dtype == np.float64
    step = Fraction(fields["step"])
    for number in found.ravel().tolist():
        assert fields["low"] <= number <= fields["high"]
        assert (Fraction(number) / step).denominator == 1
        assert Fraction(f"{number:.10f}") == Fraction(number)
        assert number != 0 or not fields["nonzero"]


@given(SHAPES, SEEDS, st.integers(0, 999))
def test_a_grid_follows_the_documented_recipe(shape: tuple[int, ...], seed: int, attempt: int) -> None:
    fields = {"low": -1.5, "high": 1.5, "step": 0.125}
    steps = below_by_hand(25, prod(shape), seed, attempt, "/place")
    assert drawn(fields, shape, seed, attempt).ravel().tolist() == [-1.5 + 0.125 * k for k in steps]
    steps = below_by_hand(24, prod(shape), seed, attempt, "/place")
    found = drawn({**fields, "nonzero": True}, shape, seed, attempt).ravel().tolist()
    assert found == [-1.5 + 0.125 * (k + (k >= 12)) for k in steps]


def test_numbers_never_change() -> None:
    assert drawn({"low": -1.5, "high": 1.5, "step": 0.125}, (2, 3)).tolist() == [
        [-1.375, 1.25, 1.125],
        [0.0, 0.125, -0.125],
    ]
    assert drawn({"classes": 5}, (8,), classes=5).tolist() == [0, 4, 4, 2, 2, 2, 3, 4]
    assert drawn({"values": [0, 1]}, (8,)).tolist() == [0, 1, 1, 1, 1, 0, 1, 1]
    assert drawn({"probabilities": 8}, (2, 3)).tolist() == [[0.125, 0.375, 0.5], [0.5, 0.375, 0.125]]
    many = drawn({"low": -8.0, "high": 7.0, "step": 0.0625, "nonzero": True}, (70, 101))
    assert (
        hashlib.sha256(many.astype("<f8").tobytes()).hexdigest()
        == "5f38b5aa2a940905bf49f58e6c0ffbf3f4e8dd3bd459fe067edf999f7f22a7b4"
    )


def test_every_point_of_a_grid_comes_up_the_ends_too() -> None:
    found = drawn({"low": -0.5, "high": 0.25, "step": 0.25}, (50, 50))
    assert np.unique(found).tolist() == [-0.5, -0.25, 0.0, 0.25]
    found = drawn({"low": -0.5, "high": 0.25, "step": 0.25, "nonzero": True}, (50, 50))
    assert np.unique(found).tolist() == [-0.5, -0.25, 0.25]


@given(st.integers(1, 9), SHAPES, SEEDS)
def test_classes_are_integers_below_their_number(classes: int, shape: tuple[int, ...], seed: int) -> None:
    found = drawn({"classes": "K"}, shape, seed, classes=classes)
    assert found.dtype == np.int64
    assert found.shape == shape
    assert found.ravel().tolist() == below_by_hand(classes, prod(shape), seed, 0, "/place")


@given(st.lists(st.integers(-9, 9) | st.floats(-9, 9), min_size=1, max_size=5), SHAPES, SEEDS)
def test_values_are_taken_as_they_are(values: list[float], shape: tuple[int, ...], seed: int) -> None:
    found = drawn({"values": values}, shape, seed)
    assert found.dtype == (np.int64 if all(type(value) is int for value in values) else np.float64)
    picks = below_by_hand(len(values), prod(shape), seed, 0, "/place")
    assert found.ravel().tolist() == [values[pick] for pick in picks]


@given(SHAPES, st.integers(1, 5), st.sampled_from([2, 8, 64, 256]), SEEDS)
def test_probabilities_sum_to_one_exactly(lead: tuple[int, ...], classes: int, parts: int, seed: int) -> None:
    found = drawn({"probabilities": parts}, (*lead, classes), seed)
    assert found.shape == (*lead, classes)
    picks = below_by_hand(classes, prod(lead) * parts, seed, 0, "/place")
    rows = [picks[row * parts : (row + 1) * parts] for row in range(prod(lead))]
    by_hand = [[row.count(k) / parts for k in range(classes)] for row in rows]
    assert found.reshape(-1, classes).tolist() == by_hand
    assert (found.sum(-1) == 1).all()


def test_more_numbers_than_may_be_drawn_are_refused_before_they_are() -> None:
    how = TypeAdapter(Tree).validate_python({"shape": [1000, 101], "values": [0]})
    with pytest.raises(Refused, match="101,000 numbers"):
        check_count([Draw("", how, (1000, 101))])
    how = TypeAdapter(Tree).validate_python({"shape": [1000, 2], "probabilities": 256})
    with pytest.raises(Refused, match="256,000 numbers"):
        check_count([Draw("", how, (1000, 2))])
