"""Reads a picture back: its elements, its texts, and where they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from chainrule.pictures.svg import width_of

SVG = "{http://www.w3.org/2000/svg}"
DRAWN = {"svg", "title", "g", "rect", "path", "circle", "polygon", "text", "tspan", "clipPath", "ellipse", "defs"}
"""All the elements that a picture of ours has: none that runs or loads anything."""


@dataclass(frozen=True)
class Box:
    """Where a text is, about."""

    words: str
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        apart = self.right <= other.left or other.right <= self.left or self.bottom <= other.top
        return not (apart or other.bottom <= self.top)


def read(svg: str) -> ElementTree.Element:
    """The picture. Raises ParseError for one that is no XML, AssertionError for one with foreign elements."""
    root = ElementTree.fromstring(svg)
    for each in root.iter():
        assert each.tag.removeprefix(SVG) in DRAWN, each.tag
        assert not [name for name in each.attrib if name.startswith("on") or "href" in name]
    return root


def texts(svg: str) -> list[str]:
    return ["".join(each.itertext()) for each in read(svg).iter(f"{SVG}text")]


def boxes(svg: str) -> list[Box]:
    """Of every text."""
    return list(_boxes(read(svg), 0, 0))


def _boxes(element: ElementTree.Element, x: float, y: float) -> Iterator[Box]:
    turned = "rotate" in element.get("transform", "")
    moved = re.search(r"translate\(([-\d.]+) ([-\d.]+)\)", element.get("transform", ""))
    if moved:
        x, y = x + float(moved[1]), y + float(moved[2])
    if element.tag == f"{SVG}text":
        words, size = "".join(element.itertext()), float(element.get("font-size", 12))
        width, anchor = 0.85 * width_of(words, size), element.get("text-anchor", "start")  # which is on the wide side
        back = {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        along, across = (0.0, 0.0) if turned else (float(element.get("x", 0)), float(element.get("y", 0)))
        if turned:  # by a quarter, so that it reads from below
            yield Box(words, x - 0.8 * size, y - width + back, x + 0.2 * size, y + back)
        else:
            left, base = x + along - back, y + across
            yield Box(words, left, base - 0.8 * size, left + width, base + 0.2 * size)
    for child in element:
        yield from _boxes(child, x, y)


def assert_legible(svg: str) -> None:
    """No text lies on another, and all are within the picture."""
    root, found = read(svg), boxes(svg)
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    for position, box in enumerate(found):
        assert box.left >= -1, box
        assert box.right <= width + 1, box
        assert box.top >= -1, box
        assert box.bottom <= height + 1, box
        assert [other.words for other in found[:position] if box.overlaps(other)] == [], box
