"""Memory for the long answers of batches: taken before they are made, given back once they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from chainrule.api.workers import FOREVER, Place, Workers


class Wanted(Protocol):
    """What room is wanted for."""

    size: int

    def wait(self) -> None:
        """It has to wait: what it does not need to hold meanwhile it lets go of."""


class Room:
    """`most` bytes, had in the order in which they are asked for; for one alone even where it wants more.

    They count among those of the bodies and replies of `workers`. For one event loop.
    """

    def __init__(self, workers: Workers, most: int) -> None:
        self._workers, self._most = workers, most
        self._place = Place(self, 0.0, FOREVER)
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def of(self, wanted: Wanted | None) -> AsyncIterator[None]:
        """Room for what is wanted, for the length of the block, which begins once there is."""
        if wanted is None:
            yield
            return
        if self._turn.locked() or not self._has(wanted.size):
            wanted.wait()
        async with self._turn:
            while not self._has(wanted.size):
                self._freed.clear()
                await self._freed.wait()
            self._hold(wanted.size)
        try:
            yield
        finally:
            self._hold(-wanted.size)
            self._freed.set()

    def _has(self, size: int) -> bool:
        held = self._place.memory
        return held == 0 or held + size <= self._most

    def _hold(self, more: int) -> None:
        self._workers.hold(self._place, self._place.memory + more)
