"""Text of numbers parsed straight into a buffer, where simdjson is installed: no list, and no object for a number.

It is a quick way to what `decoding` does anyway, not another reading of JSON. Where anything is odd, from a ragged row
to an integer of many digits, there is no array, and the text is looked into as it would be without.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from math import prod
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.schemas.envelope import MAX_RANK

FEWEST = 3
"""Numbers in a row from which looking at every row does not take longer than lists would."""

KEPT = 1 << 20
"""Bytes of text up to which a thread's parser is used again. It holds about ten times as much memory."""

_own = local()
_OPENS = re.compile(rb"[ \t\r\n]*+\[")


@cache
def library() -> Any:
    """simdjson, loaded when it is first wanted; None where it is not installed: it comes with the service alone."""
    try:
        return import_module("simdjson")
    except ImportError:
        return None


def _parser(simdjson: Any, length: int) -> Any:
    """A parser for a text of this length: the thread's own, whose memory need not be had anew, or one for a long text.

    It parses nothing as long as something it has parsed is still held.
    """
    if length > KEPT:
        return simdjson.Parser()
    if not hasattr(_own, "parser"):
        _own.parser = simdjson.Parser()
    return _own.parser


def parse(text: bytes, *, integers: bool) -> NDArray[Any] | None:
    """The float64 array that JSON text stands for, or with `integers` the int64 array; None where it may be none."""
    simdjson = library()
    if simdjson is None or not _OPENS.match(text):
        return None
    try:
        document = _parser(simdjson, len(text)).parse(text)
        dtype, code = (np.int64, "i") if integers else (np.float64, "d")
        found: NDArray[Any] = np.frombuffer(document.as_buffer(of_type=code), dtype)
        shape = _shape(
            document, simdjson.Array, int(np.count_nonzero(np.frombuffer(text, np.uint8) == ord("["))), found.size
        )
    except (TypeError, ValueError, RuntimeError, IndexError):
        return None
    return None if shape is None or prod(shape) != found.size else found.reshape(shape)


def _shape(document: Any, kind: type, brackets: int, size: int) -> tuple[int, ...] | None:
    """The shape of nested arrays that have so many opening brackets and numbers in all; None unless it is a rectangle.

    kind: of its arrays. Raises TypeError where a number stands beside an array.
    """
    level, shape, seen = [document], list[int](), 0
    while True:
        seen += len(level)
        lengths = set(map(len, level))
        if len(lengths) > 1 or len(shape) == MAX_RANK:
            return None
        shape.append(lengths.pop())
        if type(level[0][0]) is not kind:
            return tuple(shape) if seen == brackets else None
        if len(level) * shape[-1] * FEWEST > size:
            return None
        level = [row for rows in level for row in rows]
