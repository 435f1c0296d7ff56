"""Lines cut from chunks, of which none is kept that is too long."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chainrule.api.lines import Line, LineSplitter


def cut(chunks: list[bytes], most: int = 10) -> list[Line]:
    splitter = LineSplitter(most)
    found = [line for chunk in chunks for line in splitter.feed(chunk)]
    return [*found, *splitter.finish()]


@given(st.binary(max_size=60).map(lambda noise: noise.replace(b"a", b"\n")), st.lists(st.integers(0, 60), max_size=5))
def test_where_chunks_end_makes_no_difference(body: bytes, cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), len(body)]
    chunks = [body[start:end] for start, end in pairwise(ends)]
    expected = [
        Line(number, text if len(text) <= 10 else None)
        for number, text in enumerate(body.split(b"\n"), start=1)
        if text.strip() or len(text) > 10
    ]
    assert cut(chunks) == expected


def test_blank_lines_are_counted_and_passed_over() -> None:
    assert cut([b"a\n\n \r\nb\r\n"]) == [Line(1, b"a"), Line(4, b"b\r")]


def test_a_line_without_end_is_not_kept() -> None:
    splitter = LineSplitter(1000)
    tracemalloc.start()
    for _ in range(200):
        assert list(splitter.feed(b"x" * 100_000)) == []
    assert tracemalloc.get_traced_memory()[1] < 400_000
    tracemalloc.stop()
    assert list(splitter.feed(b"\nshort\n")) == [Line(1, None), Line(2, b"short")]
