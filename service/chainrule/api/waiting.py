"""Connections that wait for their callers: in number for as much memory as there is for them, and none for ever."""

from __future__ import annotations

import asyncio
from math import inf, isfinite
from time import perf_counter
from typing import Protocol


class Connection(Protocol):
    """What waits."""

    def hang_up(self) -> None:
        """Its caller is waited for no longer."""


class Waiting:
    """At most `most` bytes, beyond which those hang up that wait longest; and none waits for longer than `seconds`.

    One alone may hold more. For one event loop.
    """

    def __init__(self, most: int, seconds: float = inf) -> None:
        self._most, self._seconds = most, seconds
        self._held: dict[Connection, tuple[int, float]] = {}
        """Of each connection the bytes, and when it began to wait, by `perf_counter`: in this order."""
        self._looking: asyncio.TimerHandle | None = None
        self.total = 0
        """Bytes of all of them."""

    def add(self, connection: Connection, size: int) -> None:
        """From now on the connection waits, and holds so many bytes."""
        self.remove(connection)
        self._hold(connection, size, perf_counter())
        if self._looking is None and isfinite(self._seconds):
            self._look_in(self._seconds)

    def grow(self, connection: Connection, size: int) -> None:
        """It waits as before, if it does, and holds so many bytes by now."""
        if connection in self._held:
            before, since = self._held[connection]
            self.total -= before
            self._hold(connection, size, since)

    def remove(self, connection: Connection) -> None:
        """It waits no longer, if it did."""
        if connection in self._held:
            self.total -= self._held.pop(connection)[0]

    def _hold(self, connection: Connection, size: int, since: float) -> None:
        self._held[connection] = size, since
        self.total += size
        while self.total > self._most and len(self._held) > 1:
            self._hang_up(next(iter(self._held)))

    def _hang_up(self, connection: Connection) -> None:
        self.remove(connection)
        connection.hang_up()

    def _look_in(self, seconds: float) -> None:
        self._looking = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        """Hang up on those whose time is over, and look again when that of the next is."""
        self._looking, now = None, perf_counter()
        while self._held:
            first, (_, since) = next(iter(self._held.items()))
            if now < since + self._seconds:
                self._look_in(since + self._seconds - now)
                return
            self._hang_up(first)
