"""Which of the forms that an answer has a caller would rather have: the Accept header (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

LONGEST = 200
"""Bytes of a header whose choice is remembered: a program sends the same one every time."""


def preferred(accept: bytes | None, offered: tuple[bytes, ...]) -> bytes:
    """The media type of `offered` that the header rates highest, of equals the first.

    The first, too, where there is no header, or none of them is acceptable: an answer in a form that was not asked for
    is of more use than a refusal.
    """
    if accept is None or accept == b"*/*" or len(offered) == 1:
        return offered[0]
    return _remembered(accept, offered) if len(accept) <= LONGEST else _preferred(accept, offered)


def _preferred(accept: bytes, offered: tuple[bytes, ...]) -> bytes:
    ranges = list(_ranges(accept))
    return max(offered, key=lambda kind: _quality(kind, ranges))  # max takes the first of equals


_remembered = lru_cache(maxsize=256)(_preferred)


def _ranges(accept: bytes) -> Iterator[tuple[bytes, float]]:
    """The media ranges and their weights, parameters left out."""
    for part in accept.lower().split(b","):
        kind, *parameters = (piece.strip() for piece in part.split(b";"))
        weights = [piece[2:] for piece in parameters if piece.startswith(b"q=")]
        yield kind, _weight(weights[0]) if weights else 1.0


def _weight(text: bytes) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0


def _quality(kind: bytes, ranges: list[tuple[bytes, float]]) -> float:
    """The weight of the most specific range that covers the type."""
    family = kind.partition(b"/")[0] + b"/*"
    for wanted in (kind, family, b"*/*"):
        weights = [weight for named, weight in ranges if named == wanted]
        if weights:
            return max(weights)
    return 0.0
