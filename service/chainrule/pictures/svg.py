"""SVG, element by element. Whatever stands in an attribute or a text is escaped: no name can bring markup along."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML has no way to write: control characters, and halves of surrogate pairs."""

FONT = "font-family: system-ui, 'DejaVu Sans', sans-serif; font-size: 12px"


class Markup(str):
    """Text that is SVG already."""

    __slots__ = ()


def plain(text: str) -> str:
    """Text without what XML cannot hold, each such character shown as a replacement character."""
    return _NO_XML.sub("\ufffd", text)


def number(value: float) -> str:
    """A coordinate, to a hundredth of a pixel."""
    written = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if written == "-0" else written


def element(name: str, *children: str, **attributes: object) -> Markup:
    """An element. Children that are no Markup are text. An attribute's `_` stands for `-`; one of None is left out."""
    given = {key.replace("_", "-"): value for key, value in attributes.items() if value is not None}
    words = "".join(f' {key}="{_attribute(value)}"' for key, value in given.items())
    inside = "".join(child if isinstance(child, Markup) else escape(plain(child), quote=False) for child in children)
    return Markup(f"<{name}{words}>{inside}</{name}>" if inside else f"<{name}{words}/>")


def _attribute(value: object) -> str:
    return number(value) if isinstance(value, int | float) else escape(plain(str(value)))


def document(width: float, height: float, title: str, *children: Markup) -> str:
    """A whole picture, on white, so that it can be read on any page. `title` is what a screen reader says."""
    ground = element("rect", width=width, height=height, fill="#fff")
    return element(
        "svg",
        element("title", title),
        ground,
        *(Markup("\n" + child) for child in children),
        Markup("\n"),
        xmlns="http://www.w3.org/2000/svg",
        width=width,
        height=height,
        viewBox=f"0 0 {number(width)} {number(height)}",
        role="img",
        style=FONT,
    )


def text(x: float, y: float, words: str, **attributes: object) -> Markup:
    """A line of text."""
    return element("text", words, x=x, y=y, **attributes)


def path(points: Iterable[tuple[float, float]], **attributes: object) -> Markup:
    """Straight lines from point to point."""
    steps = " L".join(f"{number(x)} {number(y)}" for x, y in points)
    return element("path", d=f"M{steps}", fill="none", **attributes)


def width_of(words: str, size: float = 12) -> float:
    """About how wide a line of text is: fonts differ, so on the generous side."""
    return size * sum(
        0.35 if letter in "iljtf.,:;'|()[] " else 1.0 if ord(letter) > 0x2E80 else 0.64 for letter in words
    )
