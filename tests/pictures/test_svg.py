"""SVG: numbers short, every text escaped, whatever it is."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.pictures.svg import Markup, document, element, number, path, plain, text

HOSTILE = [
    "</text><script>alert(1)</script>",
    '"><script>alert(1)</script>',
    "' onload='alert(1)",
    "&lt;b&gt;",
    "]]><!-- -->",
    "<!ENTITY x>",
    "\x00\x1b[31m\ud800\uffff",
    "a\u202eb",
]


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0"), (-0.0, "0"), (-0.001, "0"), (1, "1"), (100, "100"), (1.5, "1.5"), (-2.345, "-2.35"), (1e6, "1000000")],
)
def test_numbers_are_short(value: float, written: str) -> None:
    assert number(value) == written


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_stays_a_name(name: str) -> None:
    drawn = document(10, 10, name, text(1, 2, name, fill=name), element("g", name))
    root = ElementTree.fromstring(drawn.encode())
    assert {each.tag.partition("}")[2] for each in root.iter()} == {"svg", "title", "rect", "text", "g"}
    assert [each.text for each in root.iter() if each.tag.endswith("text")] == [plain(name)]
    assert next(each for each in root.iter() if each.tag.endswith("text")).get("fill") == plain(name)


@given(st.text())
def test_any_text_comes_back(words: str) -> None:
    found = ElementTree.fromstring(element("text", words, title=words).encode())
    one_line = plain(words).replace("\r\n", "\n").replace("\r", "\n")
    assert (found.text or "") == one_line
    assert "".join((found.get("title") or "").split()) == "".join(plain(words).split())


def test_markup_is_not_escaped_again() -> None:
    assert element("g", element("g")) == "<g><g/></g>"
    assert element("g", Markup("<b/>"), "<b/>") == "<g><b/>&lt;b/&gt;</g>"


def test_attributes_have_hyphens_and_may_be_left_out() -> None:
    assert element("a", stroke_width=1.5, dash=None) == '<a stroke-width="1.5"/>'
    assert path([(0, 1), (2, 3)]) == '<path d="M0 1 L2 3" fill="none"/>'
