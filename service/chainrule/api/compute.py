"""The endpoints that compute: body in, reply out, at once where that is cheap and in a thread where it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping
from math import ceil, inf
from time import perf_counter

from starlette.types import Receive, Scope, Send

from chainrule.api.accept import preferred
from chainrule.api.authentication import Caller, Keys
from chainrule.api.events import EVENT_STREAM, Events
from chainrule.api.exchange import JSON, SAFETENSORS, Body, ClientGone, Exchange, length_of
from chainrule.api.memory import OutOfMemory, guarded
from chainrule.api.pace import Pace
from chainrule.api.pictures import PICTURES, SAFE
from chainrule.api.problems import AT_CAPACITY, Problem, problem_of
from chainrule.api.settings import Settings
from chainrule.api.turns import Turns
from chainrule.api.workers import LARGE, NUMBER, Full, Place, Workers
from chainrule.engine.trace import Cancelled
from chainrule.operations import Call, Calls, Ready, Refused, Reply
from chainrule.operations.results import warn_nonfinite
from chainrule.operations.terms import Terms
from chainrule.schemas.binary import REPLY, write_tree
from chainrule.schemas.encoding import LONG, encode, encode_long
from chainrule.schemas.progress import Watch

ANY: tuple[bytes, ...] = (JSON, SAFETENSORS)
FORMS: Mapping[str, tuple[bytes, ...]] = {
    "train": (*ANY, EVENT_STREAM),
    **{name: (*ANY, *kinds) for name, kinds in PICTURES.items()},
}
"""The media types in which an operation's reply is to be had, where there are others than for any."""

ANEW = 1e-3
"""Seconds that a short body takes to parse which is like none of late."""
BINARY_NUMBER = 8
"""Bytes that a number of a reply in binary takes at most."""


class Job:
    """The work on one request, and how long its parts took."""

    __slots__ = ("_calls", "_operation", "_terms", "abandoned", "ends", "form", "picture", "place", "timings", "watch")

    def __init__(self, calls: Calls, operation: str, terms: Terms) -> None:
        self._calls = calls
        self._operation = operation
        self._terms = terms
        self.ends = inf
        """When nobody waits for it any more, by `perf_counter`."""
        self.abandoned = False
        self.place: Place | None = None
        """What is held for it, where it is one for a worker."""
        self.watch: Watch | None = None
        """Who is told how far it has come."""
        self.picture: Callable[[Reply], str] | None = None
        """How the reply is drawn, where a picture stands in its place."""
        self.form = JSON
        self.timings: list[tuple[bytes, float, float]] = []

    def parse(self, body: bytes | bytearray) -> Ready:
        """Make the request ready: JSON, or a bytearray in safetensors. Raises Refused."""
        return self.recall(body) or self.parse_anew(body)

    def parse_anew(self, body: bytes | bytearray) -> Ready:
        """The same, where `recall` knows nothing of it. Raises Refused."""
        started = perf_counter()
        if isinstance(body, bytes):
            call = self._calls.parse_anew(self._operation, body, self._terms)
        else:
            call = self._calls.parse_file(self._operation, body, self._terms)
        return self._ready(call, started)

    def recall(self, body: bytes | bytearray) -> Ready | None:
        """Make the request ready, if a late one was like it, numbers apart. Raises Refused."""
        started = perf_counter()
        call = self._calls.recall(self._operation, body) if isinstance(body, bytes) else None
        return None if call is None else self._ready(call, started)

    def _ready(self, call: Ready, started: float) -> Ready:
        if self.watch is not None and isinstance(call, Call):
            call = call.watched(self.watch)
        self.timings.append((b"parse", started, perf_counter() - started))
        return call

    def compute(self, call: Ready) -> Body:
        """The reply in its form, or the picture. Raises Refused, and Cancelled once abandoned or out of time."""
        started = perf_counter()
        reply = call.run(lambda: self.abandoned or perf_counter() > self.ends)
        computed = perf_counter()
        body = self._encoded(reply, call.cost.returned)
        encoded = perf_counter()
        self.timings += (b"compute", started, computed - started), (b"encode", computed, encoded - computed)
        return body

    def length(self, call: Ready) -> int:
        """Bytes that the reply is thought to take."""
        each = 0 if self.picture else BINARY_NUMBER if self.form == SAFETENSORS else NUMBER  # pictures are short
        return call.cost.returned * each

    def _encoded(self, reply: Reply, numbers: int) -> Body:
        def warn(paths: list[str]) -> None:
            warn_nonfinite(reply, paths)

        if self.picture is not None:
            return self.picture(reply).encode()
        if self.form == SAFETENSORS:
            return write_tree(reply, REPLY, warn)
        return encode(reply, warn) if numbers < LONG else encode_long(reply, warn)

    def server_timing(self) -> tuple[bytes, bytes]:
        """The header that says where the time went, in milliseconds."""
        parts = [b"%b;dur=%.3f" % (name, seconds * 1e3) for name, _, seconds in self.timings]
        return b"server-timing", b", ".join(parts)


class Compute:
    """`POST /v1/{operation}` as an ASGI application. It finds its exchange in the scope."""

    def __init__(
        self,
        operation: str,
        calls: Calls,
        workers: Workers,
        turns: Turns,
        pace: Pace,
        keys: Keys,
        settings: Settings,
    ) -> None:
        self.operation = operation
        self._calls = calls
        self._workers = workers
        self._turns = turns
        self._pace = pace
        self._keys = keys
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange: Exchange = scope["chainrule.exchange"]
        caller = self._keys.caller(exchange.headers)
        exchange.key = caller.key
        caller.check(self.operation)
        check_rate(caller, self._settings.retry_after)
        job = Job(self._calls, self.operation, caller.terms)
        exchange.timings = job.timings
        form = job.form = preferred(exchange.headers.get(b"accept"), FORMS.get(self.operation, ANY))
        try:
            if form == EVENT_STREAM:
                events = Events(exchange, self._settings.reply_seconds)
                job.watch = events.watch
                await events.answer(self._text(exchange, job, caller))
                return
            job.picture = PICTURES.get(self.operation, {}).get(form)
            body = await self._body(exchange, job, caller)
            headers = job.server_timing(), *(SAFE if job.picture else ())
            await exchange.reply(body, *headers, kind=form, seconds=self._settings.reply_seconds)
        finally:
            self._leave(job)

    async def _text(self, exchange: Exchange, job: Job, caller: Caller) -> bytes:
        """The reply's JSON. Raises Problem, and ClientGone."""
        body = await self._body(exchange, job, caller)
        return body if isinstance(body, bytes) else b"".join(body)

    async def _body(self, exchange: Exchange, job: Job, caller: Caller) -> Body:
        """The reply as it is sent. Raises Problem, and ClientGone."""
        try:
            return await self._answer(exchange, job, caller)
        except Refused as refused:
            raise problem_of(refused) from None
        except Cancelled:
            raise _too_late(exchange.patience(self._settings.deadline)) from None
        except OutOfMemory:
            raise self._later(503, "there was not enough memory for this request just now") from None
        except Full as full:
            raise self._later(429, f"the service is at capacity: {full}", full.wait, title=AT_CAPACITY) from None

    async def _answer(self, exchange: Exchange, job: Job, caller: Caller) -> Body:
        settings = self._settings
        length = exchange.announced(settings.body_bytes)
        patience = exchange.patience(settings.deadline)
        job.ends = exchange.started + patience
        whose = caller.key or exchange.peer
        body_seconds = min(patience, settings.body_seconds)
        if length is None or length > settings.inline_bytes:
            known = settings.inline_bytes if length is None else length
            memory = settings.body_bytes if length is None else length
            place = self._enter(job, whose, self._pace.of_body(self.operation, known), memory)
            body = await exchange.body(settings.body_bytes, body_seconds)
            if len(body) > settings.inline_bytes:
                place.seconds = self._pace.of_body(self.operation, len(body))
                return await self._in_thread(exchange, job, body)
            self._leave(job)  # It is short, as its caller did not say, and is taken by what it costs.
        else:
            body = await exchange.body(length, body_seconds)
        call = guarded(lambda: job.recall(body))
        is_known = call is not None
        if call is None:
            if self._calls.may_name_problem(self.operation, body):
                self._enter(job, whose, self._pace.of_body(self.operation, len(body)), len(body))
                return await self._in_thread(exchange, job, body)
            await self._turns.take(ANEW)
            call = guarded(lambda: job.parse_anew(body))
        if self._is_cheap(call) and job.watch is None:
            if is_known:
                await self._turns.take(call.cost.seconds)
            return guarded(lambda: job.compute(call))
        self._enter(job, whose, self._pace.of_cost(self.operation, call.cost, len(body)), len(body))
        return await self._in_thread(exchange, job, body, call)

    def _enter(self, job: Job, whose: Hashable, seconds: float, memory: int) -> Place:
        """Take a place for a request of so many seconds, by estimate, and so many bytes. Raises Full."""
        job.place = self._workers.enter(whose, seconds, memory, job.ends - perf_counter())
        return job.place

    def _leave(self, job: Job) -> None:
        """Give the place back, if one was taken."""
        if job.place is not None:
            self._workers.leave(job.place)
            job.place = None

    async def _in_thread(
        self, exchange: Exchange, job: Job, body: bytes | bytearray, call: Ready | None = None
    ) -> Body:
        """Have a worker make the reply, from the place taken, while the caller is there and its time lasts.

        Raises Full too.
        """
        assert job.place is not None
        place, submitted = job.place, perf_counter()
        self._workers.hold(place, len(body))

        def run() -> Body:
            job.timings.append((b"queue", submitted, perf_counter() - submitted))
            return guarded(lambda: self._work(job, place, body, call))

        done = asyncio.wrap_future(self._workers.submit(place, run))
        gone = asyncio.ensure_future(exchange.gone())
        try:
            left = max(0.0, job.ends - submitted)
            await asyncio.wait((done, gone), timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if done.done():
                return done.result()
            if gone.done():
                raise ClientGone
            raise Cancelled
        finally:
            job.abandoned = True
            done.cancel()
            gone.cancel()
            del done  # which holds what was raised, and so this frame and the body: a circle

    def _work(self, job: Job, place: Place, body: bytes | bytearray, call: Ready | None) -> Body:
        """The reply, and what can be learned of how long it takes. Raises Full where it is too long just now."""
        started = perf_counter()
        if call is None:
            call = job.parse(body)
            place.seconds = self._pace.of_cost(self.operation, call.cost, len(body))
        self._workers.claim(place, job.length(call))
        self._workers.is_untidy |= call.cost.bytes(1) > LARGE
        reply = job.compute(call)
        self._pace.learn(self.operation, call.cost, len(body), perf_counter() - started)
        self._workers.made(place, length_of(reply))
        return reply

    def _is_cheap(self, call: Ready) -> bool:
        """Whether the event loop can stand still for as long as the call takes: a few milliseconds."""
        settings, cost = self._settings, call.cost
        return (
            cost.flops <= settings.inline_flops
            and cost.returned <= settings.inline_returned
            and cost.calls <= settings.inline_calls
        )

    def _later(self, status: int, detail: str, wait: float = 0.0, title: str | None = None) -> Problem:
        seconds = max(self._settings.retry_after, ceil(min(wait, self._settings.deadline)))
        headers = {"Retry-After": str(seconds)}
        return Problem(status, f"{detail}; try again in {seconds} s", title=title, headers=headers)


def _too_late(patience: float) -> Problem:
    return Problem(
        408, f"there was no answer within {patience:g} seconds: ask for less, or allow more in X-Request-Timeout"
    )


def check_rate(caller: Caller, least: int) -> None:
    """Count a call. Raises Problem, which says when to come back, in `least` seconds or more, where it is too many."""
    wait = ceil(caller.count())
    if wait:
        wait = max(wait, least)
        raise Problem(429, f"this key was used too often: try again in {wait} s", headers={"Retry-After": str(wait)})
