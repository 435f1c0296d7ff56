"""Layouts: edges go from left to right, nodes have room, and no edge crosses another where none needs to."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.pictures.layout import MOST_PLACES, Edge, Layout, TooLarge, lay_out
from stopwatch import Stopwatch

HOMEWORK: list[Edge] = [
    (0, 3), (1, 3), (3, 4), (2, 4), (0, 5), (0, 5), (4, 6), (5, 6), (4, 7), (6, 7), (7, 8), (6, 8),
]  # fmt: skip
"""1.4b: x, y, z; xy, a = xy + z, x + x, b = a(x + x), ab, w = ab + b."""


def assert_sound(count: int, edges: list[Edge], layout: Layout) -> None:
    assert len(layout.places) == count
    assert set(layout.passed) == set(edges)
    columns = defaultdict(list)
    for column, row in layout.places:
        columns[column].append(row)
    for rows in columns.values():
        rows.sort()
        assert all(after - before > 0.99 for before, after in pairwise(rows))
    for edge in edges:
        way = layout.way(edge)
        assert [column for column, _ in way] == list(range(way[0][0], way[-1][0] + 1))


def test_the_graph_of_1_4b_has_no_crossing() -> None:
    layout = lay_out(9, HOMEWORK)
    assert_sound(9, HOMEWORK, layout)
    assert layout.crossings() == 0


def test_a_crossing_that_has_to_be_is_counted() -> None:
    assert lay_out(6, [(i, j) for i in range(3) for j in range(3, 6)]).crossings() > 0
    assert lay_out(4, [(i, j) for i in range(2) for j in range(2, 4)]).crossings() == 1


@pytest.mark.parametrize("layers", [1, 3, 10])
def test_a_chain_with_parameters_has_no_crossing(layers: int) -> None:
    edges, last, count = [], 0, 1
    for _ in range(layers):
        weight, bias, linear, active = range(count, count + 4)
        edges += [(last, linear), (weight, linear), (bias, linear), (linear, active)]
        last, count = active, count + 4
    layout = lay_out(count, edges)
    assert_sound(count, edges, layout)
    assert layout.crossings() == 0


@settings(max_examples=80)
@given(st.integers(1, 25), st.randoms(use_true_random=False))
def test_any_graph_is_laid_out(count: int, draw: random.Random) -> None:
    edges = [(draw.randrange(taker), taker) for taker in range(1, count) for _ in range(draw.randrange(4))]
    layout = lay_out(count, edges)
    assert_sound(count, edges, layout)
    assert layout == lay_out(count, edges)


def test_nodes_that_nothing_connects_stand_one_under_the_other() -> None:
    assert list(lay_out(3, []).places) == [(0, 0), (0, 1), (0, 2)]
    layout = lay_out(5, [(0, 1), (2, 3)])
    assert_sound(5, [(0, 1), (2, 3)], layout)
    assert layout.crossings() == 0


def test_it_is_the_same_in_every_process() -> None:
    code = f"from chainrule.pictures.layout import lay_out; print(lay_out(9, {HOMEWORK}))"
    runs = {subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(3)}
    assert len(runs) == 1


def test_what_would_take_too_long_is_refused_at_once() -> None:
    skips = [(j - 1, j) for j in range(1, 200)] + [(0, j) for j in range(2, 200)]
    with Stopwatch() as watch:
        with pytest.raises(TooLarge):
            lay_out(MOST_PLACES + 1, [])
        with pytest.raises(TooLarge):
            lay_out(200, skips)
    assert watch.seconds < 10


def test_what_is_just_allowed_takes_no_more_than_seconds() -> None:
    draw = random.Random(1)
    count = 74
    edges = [(j - 1, j) for j in range(1, count)] + [(draw.randrange(j), j) for j in range(1, count)]
    with Stopwatch() as watch:
        lay_out(count, edges)
        lay_out(700, [(j - 1, j) for j in range(1, 700)])
    assert watch.seconds < 30
