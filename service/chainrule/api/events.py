"""An answer as server-sent events: `progress` while it is computed, then `reply`, or `problem`.

How far the work has come is kept, not queued: a caller that reads slowly misses some of it, and costs no memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from time import perf_counter
from typing import Any

import orjson
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from chainrule.api.exchange import ClientGone, Exchange
from chainrule.api.problems import Problem, internal_error
from chainrule.schemas.encoding import spelled
from chainrule.schemas.progress import Progress

EVENT_STREAM = b"text/event-stream"

EVERY = 0.1
"""Seconds between two events of progress, at least."""
QUIET = 15.0
"""Seconds without an event after which a comment keeps the connection from being taken for dead."""


class Events:
    """The events of one exchange.

    Nothing is sent before the first progress, so what is wrong with a request has the status that it has everywhere.
    """

    def __init__(self, exchange: Exchange, seconds: float) -> None:
        self._exchange = exchange
        self._seconds = seconds
        """In which the caller has to take what is sent."""
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._latest: Progress | None = None
        self._told = float("-inf")
        self._begun = False

    def watch(self, progress: Progress) -> None:
        """Take note of how far the work has come. Called by the thread that does it."""
        self._latest = progress
        now = perf_counter()
        if now - self._told >= EVERY:
            self._told = now
            with suppress(RuntimeError):  # the loop has closed: nobody is left to tell
                self._loop.call_soon_threadsafe(self._news.set)

    async def answer(self, working: Coroutine[Any, Any, bytes]) -> None:
        """Send what there is to tell until the work, which gives the reply's JSON, is done.

        Raises ClientGone, and Problem as long as nothing has been sent.
        """
        work = asyncio.ensure_future(working)
        try:
            await self._tell(work)
            reply = work.result()
            await self._send_progress()
            await self._end("reply", reply)
        except Problem as problem:
            if not self._begun:
                raise
            await self._end("problem", problem.document(self._exchange.request_id))
        except ClientGone:
            raise
        except asyncio.CancelledError:
            if self._begun:
                ended = Problem(503, "the service is shutting down: send the request again")
                await self._end("problem", ended.document(self._exchange.request_id))
            raise
        except Exception:
            if self._begun:
                await self._end("problem", internal_error().document(self._exchange.request_id))
            raise
        finally:
            work.cancel()
            del work  # which holds what was raised, and so this frame and the body: a circle

    async def _tell(self, work: asyncio.Future[bytes]) -> None:
        while not work.done():
            news = asyncio.ensure_future(self._news.wait())
            try:
                await asyncio.wait((work, news), timeout=QUIET, return_when=asyncio.FIRST_COMPLETED)
            finally:
                news.cancel()
            if work.done():
                return
            if self._news.is_set():
                self._news.clear()
                await self._send_progress()
            elif self._begun:
                await self._send(KEEPALIVE_COMMENT)

    async def _send_progress(self) -> None:
        latest, self._latest = self._latest, None
        if latest is not None:
            await self._send(format_sse_event(event="progress", data_str=_text(latest)))

    async def _send(self, body: bytes) -> None:
        """Send, and wait while the caller does not read. Raises ClientGone where it has not for too long."""
        await self._begin()
        await self._exchange.send_part(body, self._seconds)

    async def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            await self._exchange.begin(EVENT_STREAM)

    async def _end(self, event: str, data: bytes) -> None:
        await self._begin()
        await self._exchange.send_long([format_sse_event(event=event, data_str=data.decode())], self._seconds)


def _text(progress: Progress) -> str:
    return orjson.dumps(spelled(progress._asdict())).decode()
