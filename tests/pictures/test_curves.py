"""Curves drawn: a panel each, kinks marked, nothing on top of anything."""

from __future__ import annotations

import pytest

from chainrule.engine.op import Elementwise
from chainrule.engine.registry import ops
from chainrule.operations.catalogue import describe_op
from chainrule.pictures.curves import curve_from, curves_svg
from pictures.reading import SVG, assert_legible, boxes, read, texts

DRAWN = [name for name, op in ops().items() if issubclass(op, Elementwise)]


def drawn(*names: str, low: float = -5, high: float = 5, points: int = 201) -> str:
    return curves_svg([curve_from(name, describe_op(name, low, high, points)["curve"]) for name in names])


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize(("low", "high"), [(-5, 5), (0, 1e-300), (-1e6, 1e6), (-7, -6)])
def test_every_op_that_has_a_curve_is_drawn(name: str, low: float, high: float) -> None:
    svg = drawn(name, low=low, high=high)
    assert name in texts(svg)
    assert_legible(svg)
    assert "nan" not in svg
    assert "inf" not in svg.replace("infinity", "")


def test_they_stand_side_by_side_under_their_names() -> None:
    svg = drawn("relu", "leaky_relu", "softplus", "gelu")
    titles = [box for box in boxes(svg) if box.words in ("relu", "leaky_relu", "softplus", "gelu")]
    assert len({box.top for box in titles}) == 1
    assert [box.words for box in sorted(titles, key=lambda box: box.left)] == ["relu", "leaky_relu", "softplus", "gelu"]
    assert_legible(svg)


def test_a_kink_is_marked_with_its_value_and_the_derivative_used() -> None:
    svg = read(drawn("hardtanh"))
    marks = [(each.get("cx"), each.get("cy"), each.get("fill")) for each in svg.iter(f"{SVG}circle")][
        2:
    ]  # the legend's
    assert len(marks) == 4
    assert [fill for *_, fill in marks].count("none") == 2
    assert {"kink", "derivative used there"} <= set(texts(drawn("hardtanh")))
    assert "kink" not in texts(drawn("gelu"))


def test_the_derivative_is_not_drawn_across_a_jump() -> None:
    paths = [each.get("d", "") for each in read(drawn("relu")).iter(f"{SVG}path")]
    pieces = [path for path in paths if path.count("L") > 20]
    assert len(pieces) == 3  # the value, and either side of the derivative
    heights = [{float(point.split()[1]) for point in path[1:].split(" L")} for path in pieces]
    assert sorted(len(height) == 1 for height in heights) == [False, True, True]


def test_a_pole_leaves_the_rest_to_be_seen() -> None:
    svg = drawn("log", points=2001)
    assert "200" not in texts(svg)


def test_words_for_numbers_that_are_not_finite_are_read() -> None:
    told = {"x": [0, 1], "value": ["-Infinity", 1], "derivative": ["NaN", "Infinity"], "kinks": [0]}
    told |= {"kink_values": ["NaN"], "kink_derivatives": ["Infinity"]}
    assert_legible(curves_svg([curve_from("odd", told)]))


def test_many_are_drawn_in_rows() -> None:
    svg = drawn(*DRAWN)
    assert_legible(svg)
    assert len({box.left for box in boxes(svg) if box.words in DRAWN}) == 4
