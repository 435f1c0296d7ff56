"""Which form of an answer an Accept header asks for."""

from __future__ import annotations

import pytest

from chainrule.api.accept import preferred

JSON, SVG, DOT = b"application/json", b"image/svg+xml", b"text/vnd.graphviz"
BROWSER = b"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
IMAGE = b"image/avif,image/webp,image/svg+xml,image/*,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, JSON),
        (b"", JSON),
        (b"*/*", JSON),
        (BROWSER, JSON),
        (IMAGE, SVG),
        (b"image/svg+xml", SVG),
        (b"IMAGE/SVG+XML", SVG),
        (b"image/*", SVG),
        (b"text/vnd.graphviz, image/svg+xml;q=0.9", DOT),
        (b"image/svg+xml;q=0.1, application/json;q=0.2", JSON),
        (b"application/json, image/svg+xml", JSON),
        (b"application/json;q=0, */*", SVG),
        (b"image/svg+xml; charset=utf-8; q=1", SVG),
        (b"image/svg+xml;q=2", JSON),
        (b"image/svg+xml;q=", JSON),
        (b"image/svg+xml;q=nan", JSON),
        (b"text/html", JSON),
        (b",;,;=,", JSON),
        (b"\xff\xfe", JSON),
    ],
)
def test_the_best_rated_form_is_chosen(accept: bytes | None, kind: bytes) -> None:
    assert preferred(accept, (JSON, SVG, DOT)) == kind


def test_where_there_is_one_form_it_is_that() -> None:
    assert preferred(b"image/svg+xml", (JSON,)) == JSON


def test_a_long_header_is_read_in_no_time() -> None:
    assert preferred(b",".join([b"a/b;q=0.5"] * 20_000) + b",image/svg+xml", (JSON, SVG)) == SVG
