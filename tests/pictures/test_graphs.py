"""Graphs drawn: legible whatever the graph, no avoidable crossing in pixels either, names that stay names."""

from __future__ import annotations

import random
import re
from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.pictures.dot import graph_dot
from chainrule.pictures.graphs import Arrow, Box, graph_svg
from chainrule.pictures.svg import plain
from pictures.reading import SVG, assert_legible, read, texts
from pictures.test_layout import HOMEWORK
from pictures.test_svg import HOSTILE

BOXES = [Box([name], "input") for name in "xyz"] + [
    Box([name, op]) for name, op in [("xy", "×"), ("a", "+"), ("xx", "+"), ("b", "×"), ("ab", "×"), ("w", "+")]
]

Point = tuple[float, float]


def curves(svg: str) -> list[list[Point]]:
    """Each edge as points along its Bézier curves."""
    found = []
    for each in read(svg).iter(f"{SVG}path"):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", each.get("d", ""))]
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
        start, sampled = points[0], [points[0]]
        for a, b, end in zip(points[1::3], points[2::3], points[3::3], strict=True):
            for share in [step / 24 for step in range(1, 25)]:
                back = 1 - share
                sampled.append(
                    tuple(  # type: ignore[arg-type]
                        back**3 * start[i] + 3 * back**2 * share * a[i] + 3 * back * share**2 * b[i] + share**3 * end[i]
                        for i in (0, 1)
                    )
                )
            start = end
        found.append(sampled)
    return found


def crossings(svg: str) -> int:
    """How many pairs of drawn edges cross."""
    return sum(
        any(_cross(a, b, c, d) for a, b in pairwise(one) for c, d in pairwise(two))
        for one, two in combinations(curves(svg), 2)
    )


def _side(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    return _side(a, b, c) * _side(a, b, d) < -1e-9 and _side(c, d, a) * _side(c, d, b) < -1e-9


@pytest.mark.parametrize("labelled", [False, True])
def test_the_graph_of_1_4b_is_drawn_without_a_crossing(labelled: bool) -> None:
    arrows = [Arrow(*edge, "196", "−1.2345") if labelled else Arrow(*edge) for edge in HOMEWORK]
    svg = graph_svg("1.4b", BOXES, arrows)
    assert_legible(svg)
    assert len(curves(svg)) == 12
    assert crossings(svg) == 0
    assert sum(words in ("×", "+") for words in texts(svg)) == 6


def test_a_crossing_is_seen() -> None:
    boxes = [Box([name]) for name in "abcdef"]
    svg = graph_svg("", boxes, [Arrow(i, j) for i in range(3) for j in range(3, 6)])
    assert crossings(svg) > 0


@settings(max_examples=60)
@given(st.integers(1, 14), st.randoms(use_true_random=False), st.booleans())
def test_any_graph_can_be_read(count: int, draw: random.Random, labelled: bool) -> None:
    boxes = [Box([f"node{at}" * draw.randrange(1, 4), *["12×34"] * draw.randrange(3)]) for at in range(count)]
    edges = [(draw.randrange(taker), taker) for taker in range(1, count) for _ in range(draw.randrange(1, 3))]
    arrows = [Arrow(*edge, "[1, 2]", "0.125") if labelled else Arrow(*edge) for edge in edges]
    assert_legible(graph_svg("", boxes, arrows))


@pytest.mark.parametrize("many", [2, 3, 6])
def test_edges_between_the_same_two_part(many: int) -> None:
    svg = graph_svg("", [Box(["x"]), Box(["sum", "+"])], [Arrow(0, 1, "12.5", "1")] * many)
    assert_legible(svg)
    assert crossings(svg) == 0
    assert len({tuple(curve[len(curve) // 2]) for curve in curves(svg)}) == many


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_stays_a_name(name: str) -> None:
    boxes, arrows = [Box([name, name], name), Box(["b"])], [Arrow(0, 1, name, name)]
    drawn = graph_svg(name, boxes, arrows)
    read(drawn)
    shown = ["".join(each.split()) for each in texts(drawn)]
    assert shown.count("".join(plain(name).split())) + sum("…" in each for each in shown) >= 2
    dot = graph_dot(name, boxes, arrows)
    assert len(statements(dot)) == 6
    label = re.search(r'n0 \[label="((?:[^"\\]|\\.)*)"', dot)
    assert label
    read_back = label[1].replace("\\\\", "\0").replace('\\"', '"').split("\\n")[0].replace("\0", "\\")
    assert "".join(read_back.split()) == "".join(plain(name).split())


def statements(dot: str) -> list[str]:
    """What DOT reads: quoted text taken out, split at semicolons. Fails where a quote is left open."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "Q", dot)
    assert '"' not in bare
    assert bare.startswith("digraph {")
    assert bare.rstrip().endswith("}")
    return [each for each in bare.partition("{")[2].rpartition("}")[0].split(";") if each.strip()]


def test_backslashes_at_the_end_of_a_name_close_nothing() -> None:
    for name in ("\\", "a\\", '\\"', "\\\\", "\\n"):
        assert len(statements(graph_dot("", [Box([name])], []))) == 4


def test_an_svg_is_well_formed_for_any_names() -> None:
    names = ["]]>", "<a>", "&amp;", "'\"", "\u2028", "\x0b"]
    svg = graph_svg("&", [Box([name]) for name in names], [Arrow(0, 1)])
    assert len(list(ElementTree.fromstring(svg.encode()).iter(f"{SVG}text"))) == len(names)
