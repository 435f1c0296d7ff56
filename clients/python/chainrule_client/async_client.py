"""The client for asynchronous code: the same calls, awaited."""

from __future__ import annotations

from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import anyio
import httpx

from chainrule_client.classes.graded import Graded
from chainrule_client.classes.on_file import look_up_async
from chainrule_client.classes.running import run_in_tasks
from chainrule_client.classes.session import Chunk, Session, answers_in, request_of
from chainrule_client.connection import (
    connection_settings,
    failure_to_connect,
    read,
    reply_from,
    retry_after,
    succeeded,
    timeout_within,
    worth_repeating,
)
from chainrule_client.curves import CurveRequest, OpLike, drawn
from chainrule_client.forms import Forms
from chainrule_client.operations import Operations
from chainrule_client.replies import Reply, op_description
from chainrule_client.requests import Call, HTTPRequest
from chainrule_client.retries import Retries
from chainrule_client.watching import Told


class AsyncClient(Operations[Coroutine[Any, Any, Reply], Coroutine[Any, Any, list[Graded]]]):
    """`Client` for asyncio and trio: the same arguments, every call awaited. Tasks may share one."""

    def __init__(
        self,
        base_url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: httpx.Timeout | float | None = None,
        retries: Retries | int = 2,
        binary: bool | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._forms = Forms(binary)
        self._retries = Retries(limit=retries) if isinstance(retries, int) else retries
        self._http = httpx.AsyncClient(**connection_settings(base_url, api_key, timeout), transport=transport)

    async def ops(self) -> Any:
        """The catalogue of ops."""
        return await self._get("/v1/ops")

    async def op(
        self, name: OpLike, *, low: float | None = None, high: float | None = None, points: int | None = None
    ) -> Any:
        """One op: formula, derivative, kinks, parameters, and the data of its curve. Raises NotFound.

        op: its name, or with options `{"op": "leaky_relu", "slope": 0.1}`. low, high, points: the curve's range.
        """
        return op_description(await self._get(CurveRequest.of(name, low, high, points).path))

    async def plot(self, *ops: OpLike, low: float = -5, high: float = 5, columns: int = 4) -> str:
        """The curves of ops and their derivatives side by side, kinks marked: the text of an SVG."""
        return drawn(
            [CurveRequest.of(op) for op in ops], [await self.op(each, low=low, high=high) for each in ops], columns
        )

    async def problems(self) -> Any:
        """The problems on file, set by set."""
        return await self._get("/v1/problems")

    async def problem(self, name: str) -> Any:
        """One problem on file, by `set/problem`: what is asked, and how its numbers are drawn. Raises NotFound."""
        return await self._get(f"/v1/problems/{quote(name)}")

    async def info(self) -> Any:
        """Versions, and the limits in force."""
        return await self._get("/v1/info")

    async def live(self) -> bool:
        """Whether the service runs at all."""
        return await self._answers("/livez")

    async def ready(self) -> bool:
        """Whether the service takes requests now."""
        return await self._answers("/readyz")

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _perform(self, call: Call) -> Reply:
        request = self._forms.request(call)
        response = await self._send(request)
        if (instead := self._forms.instead(call, request, response)) is not None:
            request, response = instead, await self._send(instead)
        return reply_from(*read(response, request))

    async def _grade_all(self, session: Session, concurrency: int, shown: bool | None) -> list[Graded]:
        with session:
            await look_up_async(session, self.problem)
            return await run_in_tasks(session, self._grade_chunk, concurrency, shown)

    async def _grade_chunk(self, chunk: Chunk, session: Session) -> None:
        attempts = self._retries.begin()
        while chunk:
            request = request_of(chunk)
            response = await self._send(request)
            answers = answers_in(response.content, succeeded(response, request), chunk)
            chunk = session.take(chunk, answers)
            wait = attempts.next_wait() if chunk else 0.0
            if wait is None:
                session.take(chunk, answers, last=True)
                return
            await anyio.sleep(wait)

    async def _get(self, path: str) -> Any:
        request = HTTPRequest.get(path)
        return read(await self._send(request), request)[0]

    async def _answers(self, path: str) -> bool:
        outcome = await self._try(HTTPRequest.get(path), None)
        return isinstance(outcome, httpx.Response) and outcome.is_success

    async def _send(self, request: HTTPRequest) -> httpx.Response:
        attempts = self._retries.begin()
        while True:
            outcome = await self._try(request, attempts.remaining())
            wait = attempts.next_wait(retry_after(outcome)) if worth_repeating(outcome) else None
            if wait is not None:
                await anyio.sleep(wait)
            elif isinstance(outcome, httpx.Response):
                return outcome
            else:
                raise failure_to_connect(outcome, request, str(self._http.base_url), attempts.tries) from outcome

    async def _try(self, request: HTTPRequest, seconds: float | None) -> httpx.Response | httpx.RequestError:
        told = Told(request.watch)
        sent = self._http.build_request(
            request.method,
            request.path,
            content=request.body,
            headers=request.headers_within(seconds),
            timeout=timeout_within(self._http.timeout, seconds),
        )
        try:
            with anyio.move_on_after(seconds):
                response = await self._http.send(sent, stream=True)
                try:
                    return await self._whole(response, told)
                finally:
                    await response.aclose()
        except httpx.RequestError as error:
            if error is told.raised:
                raise
            return error
        return httpx.ReadTimeout("the deadline has passed", request=sent)

    async def _whole(self, response: httpx.Response, told: Told) -> httpx.Response:
        if not told.is_told_by(response):
            await response.aread()
            return response
        async for line in response.aiter_lines():
            told.take(line)
        return told.answer(response)
