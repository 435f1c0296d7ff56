"""The endpoints that compute: body in, reply out, at once where that is cheap and in a thread where it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from math import ceil
from time import perf_counter

from starlette.types import Receive, Scope, Send

from chainrule.api.accept import preferred
from chainrule.api.authentication import Caller, Keys
from chainrule.api.events import EVENT_STREAM, Events
from chainrule.api.exchange import JSON, ClientGone, Exchange
from chainrule.api.memory import OutOfMemory, guarded
from chainrule.api.pictures import PICTURES, SAFE
from chainrule.api.problems import Problem, problem_of
from chainrule.api.settings import Settings
from chainrule.api.workers import Full, Workers
from chainrule.operations import Call, Calls, Ready, Refused, Reply
from chainrule.operations.results import warn_nonfinite
from chainrule.operations.terms import Terms
from chainrule.schemas.encoding import encode
from chainrule.schemas.progress import Watch

FORMS: Mapping[str, tuple[bytes, ...]] = {
    "train": (JSON, EVENT_STREAM),
    **{name: (JSON, *kinds) for name, kinds in PICTURES.items()},
}
"""The media types in which an operation's reply is to be had, where JSON is not the only one."""


class Answer:
    """The work on one request, and how long its parts took."""

    __slots__ = ("_calls", "_operation", "_terms", "abandoned", "picture", "timings", "watch")

    def __init__(self, calls: Calls, operation: str, terms: Terms) -> None:
        self._calls = calls
        self._operation = operation
        self._terms = terms
        self.abandoned = False
        self.watch: Watch | None = None
        """Who is told how far it has come."""
        self.picture: Callable[[Reply], str] | None = None
        """How the reply is drawn, where a picture stands in its place."""
        self.timings: list[tuple[bytes, float]] = []

    def parse(self, body: bytes) -> Ready:
        """Make the request ready. Raises Refused."""
        started = perf_counter()
        call = self._calls.parse(self._operation, body, self._terms)
        if self.watch is not None and isinstance(call, Call):
            call = call.watched(self.watch)
        self.timings.append((b"parse", perf_counter() - started))
        return call

    def compute(self, call: Ready) -> bytes:
        """The reply's JSON, or the picture. Raises Refused, and Cancelled once `abandoned` is set."""
        started = perf_counter()
        reply = call.run(lambda: self.abandoned)
        computed = perf_counter()
        if self.picture is not None:
            text = self.picture(reply).encode()
        else:
            text = encode(reply, lambda paths: warn_nonfinite(reply, paths))
        self.timings += (b"compute", computed - started), (b"encode", perf_counter() - computed)
        return text

    def server_timing(self) -> tuple[bytes, bytes]:
        """The header that says where the time went, in milliseconds."""
        parts = [b"%b;dur=%.3f" % (name, seconds * 1e3) for name, seconds in self.timings]
        return b"server-timing", b", ".join(parts)


class Compute:
    """`POST /v1/{operation}` as an ASGI application. It finds its exchange in the scope."""

    def __init__(self, operation: str, calls: Calls, workers: Workers, keys: Keys, settings: Settings) -> None:
        self.operation = operation
        self._calls = calls
        self._workers = workers
        self._keys = keys
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange: Exchange = scope["chainrule.exchange"]
        caller = self._keys.caller(exchange.headers)
        caller.check(self.operation)
        check_rate(caller)
        answer = Answer(self._calls, self.operation, caller.terms)
        exchange.timings = answer.timings
        form = preferred(exchange.headers.get(b"accept"), FORMS.get(self.operation, (JSON,)))
        if form == EVENT_STREAM:
            events = Events(exchange, exchange.patience(self._settings.deadline))
            answer.watch = events.watch
            await events.answer(self._text(exchange, answer))
            return
        answer.picture = PICTURES.get(self.operation, {}).get(form)
        text = await self._text(exchange, answer)
        await exchange.reply(text, answer.server_timing(), *(SAFE if answer.picture else ()), kind=form)

    async def _text(self, exchange: Exchange, answer: Answer) -> bytes:
        """The reply's JSON. Raises Problem, and ClientGone."""
        try:
            return await self._answer(exchange, answer)
        except Refused as refused:
            raise problem_of(refused) from None
        except OutOfMemory:
            raise self._later(503, "there was not enough memory for this request just now") from None
        except Full:
            raise self._later(429, "the service is at capacity") from None

    async def _answer(self, exchange: Exchange, answer: Answer) -> bytes:
        settings = self._settings
        length = exchange.announced(settings.max_body_bytes)
        patience = exchange.patience(settings.deadline)
        if length is None or length > settings.inline_bytes:
            return await self._large(exchange, answer, patience)
        body = await exchange.body(length, min(patience, settings.body_seconds))
        if self._calls.draws(self.operation, body):
            self._workers.enter()
            return await self._in_thread(exchange, answer, lambda: answer.compute(answer.parse(body)), patience)
        call = guarded(lambda: answer.parse(body))
        if self._is_cheap(call) and answer.watch is None:
            return guarded(lambda: answer.compute(call))
        self._workers.enter()
        return await self._in_thread(exchange, answer, lambda: answer.compute(call), patience)

    async def _large(self, exchange: Exchange, answer: Answer, patience: float) -> bytes:
        settings = self._settings
        self._workers.enter()
        try:
            body = await exchange.body(settings.max_body_bytes, min(patience, settings.body_seconds))
        except BaseException:
            self._workers.leave()
            raise
        return await self._in_thread(exchange, answer, lambda: answer.compute(answer.parse(body)), patience)

    async def _in_thread(self, exchange: Exchange, answer: Answer, work: Callable[[], bytes], patience: float) -> bytes:
        """Have a worker do `work`, from a place already taken, while the caller is there and its time lasts."""
        submitted = perf_counter()

        def run() -> bytes:
            answer.timings.append((b"queue", perf_counter() - submitted))
            return guarded(work)

        done = asyncio.wrap_future(self._workers.submit(run))
        gone = asyncio.ensure_future(exchange.gone())
        left = patience - (submitted - exchange.started)
        try:
            await asyncio.wait((done, gone), timeout=max(0.0, left), return_when=asyncio.FIRST_COMPLETED)
            if done.done():
                return done.result()
            if gone.done():
                raise ClientGone
            raise Problem(
                408,
                f"there was no answer within {patience:g} seconds: ask for less, or allow more in X-Request-Timeout",
            )
        finally:
            answer.abandoned = True
            done.cancel()
            gone.cancel()

    def _is_cheap(self, call: Ready) -> bool:
        """Whether the event loop can stand still for as long as the call takes: a few milliseconds."""
        settings, cost = self._settings, call.cost
        return (
            cost.flops <= settings.inline_flops
            and cost.returned <= settings.inline_returned
            and cost.calls <= settings.inline_calls
        )

    def _later(self, status: int, detail: str) -> Problem:
        seconds = self._settings.retry_after
        return Problem(status, f"{detail}: try again in {seconds} s", headers={"Retry-After": str(seconds)})


def check_rate(caller: Caller) -> None:
    """Count a call. Raises Problem, which says when to come back, where it is one too many."""
    wait = ceil(caller.count())
    if wait:
        raise Problem(429, f"this key was used too often: try again in {wait} s", headers={"Retry-After": str(wait)})
