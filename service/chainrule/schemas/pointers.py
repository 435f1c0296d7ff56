"""JSON pointers (RFC 6901): where in a request something stands."""

from __future__ import annotations

LONGEST = 100
"""Characters of a key that is a caller's to make up, as far as a message repeats it."""


def escaped(key: str) -> str:
    """A key as a part of a pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def shown(key: str) -> str:
    """The same for a message: cut where it is long, and never within an escape."""
    return escaped(key[:LONGEST])
