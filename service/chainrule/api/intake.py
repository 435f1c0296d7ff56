"""The lines of a batch as they come, in slices: read while earlier ones are answered, and no faster.

One slice is computed while the next is read, and no more is read until there is room: so a caller that does not read
what it is sent is not read from either, and what a batch holds of memory is bounded, however long it is.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from time import perf_counter
from typing import NoReturn

from chainrule.api.exchange import ClientGone, Exchange
from chainrule.api.health import Health
from chainrule.api.lines import Line, LineSplitter
from chainrule.api.problems import Problem
from chainrule.api.settings import Settings
from chainrule.api.slices import Slice

NOTICED = 0.25
"""Seconds within which a batch that waits for its caller notices that the service drains."""
QUIET = 3.0
"""Seconds without a line after which a service that drains ends a batch: a caller that still sends would lose its
answers when the connection closes."""


class Intake:
    """What one batch is asked for. `share`: bytes of lines without an answer beyond which nothing more is read."""

    def __init__(self, exchange: Exchange, health: Health, settings: Settings, share: int) -> None:
        self._exchange, self._health, self._settings, self._share = exchange, health, settings, share
        self._waiting: asyncio.Queue[Slice | Problem | None] = asyncio.Queue(1)
        self._open: Slice | None = None
        """The slice that waits to be answered."""
        self.accepted: deque[Slice] = deque()
        """Slices of which some lines have no answer yet."""
        self._fewer = asyncio.Event()
        """Set when there is a slice fewer of them."""
        self._ended = False
        """Whether the body has been read to its end."""
        self.active = perf_counter()
        """When something came from the caller, or was taken by it."""

    async def take(self) -> Slice | Problem | None:
        """The next slice to be answered, or what there is to say in its place; None after the last."""
        taken = await self._waiting.get()
        self._open = None
        return taken

    def answered(self) -> None:
        """The first of the slices has all its answers."""
        self.accepted.popleft()
        self._fewer.set()

    async def read(self) -> NoReturn:
        """Pass the lines on, and then watch for the caller hanging up. Raises ClientGone."""
        splitter = LineSplitter(self._settings.body_bytes)
        while not self._ended and (chunk := await self._chunk()) is not None:
            await self._pass_on(splitter.feed(chunk))
            await self._until_room(splitter)
        if self._ended:
            await self._pass_on(splitter.finish())
        await self._waiting.put(None)
        await self._exchange.gone()
        raise ClientGone

    async def _until_room(self, splitter: LineSplitter) -> None:
        """Wait while what was read and has no answer is as much as this batch may hold."""
        while self.accepted and sum(each.size for each in self.accepted) + splitter.kept > self._share:
            self._fewer.clear()
            await self._fewer.wait()

    async def _pass_on(self, lines: Iterable[Line]) -> None:
        """Add lines to the slice that waits to be answered while it has room, and then to others."""
        late = self._health.draining
        made: list[Slice] = []
        last = self._open
        for line in lines:
            if last is None or not last.has_room_for(line) or last.late != late:
                last = Slice(late)
                made.append(last)
            last.add(line)
        self.accepted += made
        for each in made:
            await self._waiting.put(each)
            self._open = each

    async def _chunk(self) -> bytes | None:
        """Some of the body; None at its end, or where none has come for so long that the service ends the batch."""
        receiving = asyncio.ensure_future(self._exchange.receive())
        try:
            while not receiving.done():
                await asyncio.wait((receiving,), timeout=NOTICED)
                if not receiving.done() and await self._has_waited_enough():
                    return None
            message = receiving.result()
        finally:
            receiving.cancel()
        self.active = perf_counter()
        self._exchange.received += len(message.get("body", b""))
        if message["type"] == "http.disconnect":
            if self._health.draining:  # some servers say so of a caller that is still there
                return None
            raise ClientGone
        body = bytes(message.get("body", b""))
        if not message.get("more_body", False):
            self._ended = True
        return body

    async def _has_waited_enough(self) -> bool:
        if self.accepted:
            return False
        waited = perf_counter() - self.active
        if self._health.draining:
            return waited >= QUIET
        seconds = self._settings.body_seconds
        if waited < seconds:
            return False
        await self._waiting.put(Problem(408, f"no line came for {seconds:g} seconds"))
        return True
