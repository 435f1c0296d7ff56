"""Graders kept for the next submission of the same problem, in bounded room.

A grader holds the truth: the values and gradients of one problem's numbers. A class of a thousand needs it once.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Generic, TypeVar

import numpy as np

from chainrule.operations.kept import Kept
from chainrule.operations.prepared import Arrays

ROOM = 1 << 26
"""Bytes of arrays, as the costs of problems estimate them, that are kept in all."""
LARGEST = ROOM // 4
"""Bytes of the largest that is kept."""

Held = TypeVar("Held")


class Graders(Generic[Held]):
    """The least recently used goes first. Safe to use from several threads."""

    def __init__(self, room: int = ROOM) -> None:
        self._kept: Kept[tuple[_Same, bytes], Held] = Kept(room)

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, owner: object, arrays: Arrays, size: int, make: Callable[[], Held]) -> Held:
        """The grader of these numbers: one that is kept, or what `make` makes, kept where `size` bytes fit.

        `owner`: what else the grader depends on. It is told apart by identity, and kept as long.
        """
        if size > LARGEST:
            return make()
        return self._kept.get((_Same(owner), _digest(arrays)), make, lambda _: size)


class _Same:
    """Equal where it is of the same object, which it keeps alive so that no other can take its place."""

    __slots__ = ("_of",)

    def __init__(self, of: object) -> None:
        self._of = of

    def __hash__(self) -> int:
        return id(self._of)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other._of is self._of


def _digest(arrays: Arrays) -> bytes:
    """Of the numbers. Their shapes and where they go are the owner's."""
    found = blake2b(digest_size=32)
    for array in arrays:
        found.update(array.dtype.char.encode())
        found.update(np.ascontiguousarray(array).data)
    return found.digest()
