"""`POST /v1/batch`: a line an item in, a line an item out, each answered as soon as its turn has come.

The body is read (`intake.py`) while the answer is sent.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from time import perf_counter

from starlette.types import Receive, Scope, Send

from chainrule.api.authentication import Caller, Keys
from chainrule.api.exchange import IN_UTF_8, PART, ClientGone, Exchange
from chainrule.api.health import Health
from chainrule.api.intake import Intake
from chainrule.api.items import Items, refused
from chainrule.api.lines import NDJSON, Line
from chainrule.api.metrics import Metrics
from chainrule.api.pace import Pace
from chainrule.api.problems import AT_CAPACITY, Problem
from chainrule.api.room import Room
from chainrule.api.settings import Settings
from chainrule.api.slices import MOST_BYTES, Slice
from chainrule.api.stacking import Due, answers
from chainrule.api.workers import LARGE, Workers
from chainrule.operations import Calls

_TAKEN = re.compile(rb"\s*application/(x-ndjson|ndjson|jsonl|x-jsonlines)" + IN_UTF_8, re.IGNORECASE)

PORTION = 0.03
"""Seconds for which a thread works on a batch before it sends what it has, and lets others have their turn."""


class Batches:
    """The endpoint as an ASGI application. It finds its exchange in the scope."""

    def __init__(
        self,
        calls: Calls,
        workers: Workers,
        pace: Pace,
        keys: Keys,
        health: Health,
        metrics: Metrics,
        settings: Settings,
    ) -> None:
        self.calls, self.workers, self.pace = calls, workers, pace
        self.health, self.metrics, self.settings = health, metrics, settings
        self._keys = keys
        self._free = settings.batches
        self.share = settings.memory_for_bodies // settings.batches
        """Bytes of lines without an answer beyond which a batch is not read from, or a single line."""
        self.room = Room(workers, settings.memory_for_bodies // 2)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange: Exchange = scope["chainrule.exchange"]
        caller = self._keys.caller(exchange.headers)
        exchange.key = caller.key
        _check_kind(exchange)
        patience = exchange.patience(self.settings.deadline)
        if self._free == 0:
            again = str(self.settings.retry_after)
            told = f"the service is at capacity: as many batches are answered as may be; try again in {again} s"
            raise Problem(429, told, title=AT_CAPACITY, headers={"Retry-After": again})
        self._free -= 1
        try:
            await Batch(self, exchange, caller, patience).run()
        finally:
            self._free += 1


class Batch:
    """One batch being answered."""

    def __init__(self, service: Batches, exchange: Exchange, caller: Caller, patience: float) -> None:
        self._service, self._exchange, self._caller, self._patience = service, exchange, caller, patience
        self._items = Items(service.calls, caller, exchange, service.settings.body_bytes)
        self._intake = Intake(exchange, service.health, service.settings, service.share)
        self._unsent = memoryview(b"")
        """What is left to be sent of the answers that are being sent."""
        self._abandoned = False
        self._answered = 0
        self._statuses: list[int] = []
        """Of the answers made since they were last counted."""
        self._taken: float | None = None
        """Seconds that the last portion took, once there was one."""

    async def run(self) -> None:
        """Answer every line. Raises ClientGone, and CancelledError once every line that was read has an answer."""
        await self._exchange.begin(NDJSON.encode())
        reading, answering = asyncio.ensure_future(self._intake.read()), asyncio.ensure_future(self._answer())
        try:
            await asyncio.wait((reading, answering), return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
            await answering
            await self._end()
        except asyncio.CancelledError:
            reading.cancel()
            answering.cancel()
            await self._put_off()
            raise
        finally:
            self._abandoned = True
            reading.cancel()
            answering.cancel()
            self._count()
            self._service.metrics.batched(self._answered)

    async def _answer(self) -> None:
        while (taken := await self._intake.take()) is not None:
            if isinstance(taken, Problem):
                await self._send(refused(b'"id":null', taken, self._exchange.request_id))
                continue
            while taken.sent < len(taken.lines):
                async with self._service.room.of(taken.due):
                    wait = await self._in_thread(taken)
                    await self._send_of(taken)
                await asyncio.sleep(wait)
            self._intake.answered()

    async def _in_thread(self, taken: Slice) -> float:
        """The same as `_portion`, thought to take as long as the last one: so a batch pays for what it took before."""
        pace, size, last = self._service.pace, taken.size, self._taken
        seconds = pace.of_body("batch", size) if last is None else last

        def work() -> float:
            started = perf_counter()
            wait = self._portion(taken)
            self._taken = perf_counter() - started
            return wait

        wait = await asyncio.wrap_future(self._service.workers.submit_beside(work, seconds))
        if last is None and self._taken is not None:
            pace.learn_by_length("batch", size, self._taken)
        return wait

    def _portion(self, taken: Slice) -> float:
        """Answer the next lines, for a while. The seconds to wait before going on: for a key with too many calls."""
        started, size = perf_counter(), 0
        while taken.made < len(taken.lines) and not self._abandoned:
            if perf_counter() - started > PORTION or size > MOST_BYTES:
                break
            if taken.late:
                answer = self._put_off_line(taken.lines[taken.made])
            else:
                wait = 0.0 if taken.due else self._caller.count()
                if wait:
                    return wait
                taken.following = taken.following or answers(self._items, taken.lines, self._watch)
                following = next(taken.following)
                taken.due = following if isinstance(following, Due) else None
                if isinstance(following, Due):
                    break
                status, answer = following
                self._statuses.append(status)
            taken.answers.append(answer)
            size += len(answer)
        return 0.0

    def _watch(self) -> Callable[[], bool]:
        end = perf_counter() + self._patience
        return lambda: self._abandoned or perf_counter() > end

    async def _put_off(self) -> None:
        """Answer at once what was read and has no answer: there is no time left."""
        self._abandoned = True
        await self._send_rest()
        for taken in self._intake.accepted:
            await self._send_of(taken)
            left = taken.lines[taken.sent :]
            await self._send(b"".join(map(self._put_off_line, left)))
        await self._end()

    def _put_off_line(self, line: Line) -> bytes:
        status, answer = self._items.put_off(line, _shutting_down())
        self._statuses.append(status)
        return answer

    def _count(self) -> None:
        """Count the answers made since last time."""
        statuses, self._statuses = self._statuses, []
        self._answered += len(statuses)
        self._service.metrics.answered(statuses)
        stacks, self._items.stacks = self._items.stacks, []
        for items in stacks:
            self._service.metrics.stacked(items)
        kinds, self._items.kinds = self._items.kinds, []
        self._service.metrics.refused(kinds)

    async def _send_of(self, taken: Slice) -> None:
        self._count()
        ready, taken.answers = taken.answers, []
        taken.sent += len(ready)
        await self._send(b"".join(ready))

    async def _send(self, body: bytes) -> None:
        """Send answers, and wait while the caller does not read. Raises ClientGone where it has not for too long."""
        self._unsent = memoryview(body)
        await self._send_rest()

    async def _send_rest(self) -> None:
        """Go on with what is being sent. Where this is cancelled, the rest of a line is still to be had."""
        settings = self._service.settings
        seconds = settings.reply_seconds if len(self._unsent) > LARGE else settings.deadline
        try:
            async with asyncio.timeout(settings.deadline):
                while self._unsent:
                    await self._exchange.send_part(bytes(self._unsent[:PART]), seconds)
                    self._unsent = self._unsent[PART:]
        except TimeoutError:
            raise ClientGone from None
        self._intake.active = perf_counter()

    async def _end(self) -> None:
        await self._exchange.send_part(b"", self._service.settings.deadline, more=False)


def _shutting_down() -> Problem:
    return Problem(503, "the service is shutting down: send this item again")


def _check_kind(exchange: Exchange) -> None:
    kind = exchange.headers.get(b"content-type")
    if kind is None or not _TAKEN.fullmatch(kind):
        raise Problem(415, f"a batch has to be sent as Content-Type: {NDJSON}, in UTF-8: an item a line")
    exchange.check_coding()
