"""What took long to make, kept for the next who asks, in bounded room."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Made = TypeVar("Made")


class Kept(Generic[Key, Made]):
    """The least recently used goes first. Safe to use from several threads. `room`: in bytes."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._kept: OrderedDict[Key, tuple[Made, int]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Key, make: Callable[[], Made], size: Callable[[Made], int]) -> Made:
        """What is kept under the key; else what `make` makes, which `size` says the bytes of. It may raise."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found[0]
        made = make()  # without the lock: two threads may make the same one
        with self._lock:
            if key not in self._kept:
                bytes_of_it = size(made)
                self._kept[key] = made, bytes_of_it
                self._room -= bytes_of_it
            while self._room < 0:
                _, (_, freed) = self._kept.popitem(last=False)
                self._room += freed
        return made
