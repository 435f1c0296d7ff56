"""Work on the event loop itself, so much of it in each of the loop's turns that it soon looks at what else has come.

Requests that come at once would otherwise be answered one straight after the other, and whoever asks meanwhile whether
the service lives would wait for all of them.
"""

from __future__ import annotations

import asyncio
from collections import deque

MOST = 2e-3
"""Seconds of work in a turn, by estimate; a single piece may take more."""


class Turns:
    """Shares out the turns of one event loop, in the order in which they are asked for."""

    def __init__(self) -> None:
        self._left = MOST
        """Seconds of this turn, or of the next where it is the next whose work has been called up."""
        self._is_counted = False
        """Whether this turn's end will be noticed."""
        self._waiting: deque[tuple[float, asyncio.Future[None]]] = deque()

    async def take(self, seconds: float) -> None:
        """Wait for a turn with room for so many seconds of work, which is to be done straight after."""
        loop = asyncio.get_running_loop()
        if not self._is_counted:
            self._is_counted = True
            loop.call_soon(self._next)
        if not self._waiting and self._has(seconds):
            self._left -= seconds
            return
        called = loop.create_future()
        self._waiting.append((seconds, called))
        await called

    def _has(self, seconds: float) -> bool:
        return seconds <= self._left or self._left == MOST

    def _next(self) -> None:
        """Begin a turn, and call up what has waited for it."""
        self._left = MOST
        self._is_counted = bool(self._waiting)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._next)
        while self._waiting and self._has(self._waiting[0][0]):
            seconds, called = self._waiting.popleft()
            if not called.cancelled():
                called.set_result(None)
                self._left -= seconds
