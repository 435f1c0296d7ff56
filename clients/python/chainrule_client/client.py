"""The client: one HTTP connection pool, blocking calls."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from chainrule_client.classes.graded import Graded
from chainrule_client.classes.on_file import look_up
from chainrule_client.classes.running import run_in_threads
from chainrule_client.classes.session import Chunk, Session, answers_in, request_of
from chainrule_client.connection import (
    Within,
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


class Client(Operations[Reply, list[Graded]]):
    """Calls the service, and waits for its answer.

    base_url: default CHAINRULE_URL, else http://127.0.0.1:8000. api_key: default CHAINRULE_API_KEY, else none.
    timeout: seconds, or an `httpx.Timeout` of four parts; default 5 s to connect, 130 s to read, 60 s for the rest.
    retries: a policy, or how many times to try again.
    binary: whether tensors travel in binary; None for those of large calls and their replies.
    transport: how httpx sends, for tests and proxies.

    Use it as a context manager, or close it. Threads may share one.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: httpx.Timeout | float | None = None,
        retries: Retries | int = 2,
        binary: bool | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._forms = Forms(binary)
        self._retries = Retries(limit=retries) if isinstance(retries, int) else retries
        self._http = httpx.Client(**connection_settings(base_url, api_key, timeout), transport=transport)

    def ops(self) -> Any:
        """The catalogue of ops."""
        return self._get("/v1/ops")

    def op(
        self, name: OpLike, *, low: float | None = None, high: float | None = None, points: int | None = None
    ) -> Any:
        """One op: formula, derivative, kinks, parameters, and the data of its curve. Raises NotFound.

        op: its name, or with options `{"op": "leaky_relu", "slope": 0.1}`. low, high, points: the curve's range.
        """
        return op_description(self._get(CurveRequest.of(name, low, high, points).path))

    def plot(self, *ops: OpLike, low: float = -5, high: float = 5, columns: int = 4) -> str:
        """The curves of ops and their derivatives side by side, kinks marked: the text of an SVG."""
        found = [self.op(each, low=low, high=high) for each in ops]
        return drawn([CurveRequest.of(op) for op in ops], found, columns)

    def problems(self) -> Any:
        """The problems on file, set by set."""
        return self._get("/v1/problems")

    def problem(self, name: str) -> Any:
        """One problem on file, by `set/problem`: what is asked, and how its numbers are drawn. Raises NotFound."""
        return self._get(f"/v1/problems/{quote(name)}")

    def info(self) -> Any:
        """Versions, and the limits in force."""
        return self._get("/v1/info")

    def live(self) -> bool:
        """Whether the service runs at all."""
        return self._answers("/livez")

    def ready(self) -> bool:
        """Whether the service takes requests now."""
        return self._answers("/readyz")

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _perform(self, call: Call) -> Reply:
        request = self._forms.request(call)
        response = self._send(request)
        if (instead := self._forms.instead(call, request, response)) is not None:
            request, response = instead, self._send(instead)
        return reply_from(*read(response, request))

    def _grade_all(self, session: Session, concurrency: int, shown: bool | None) -> list[Graded]:
        with session:
            look_up(session, self.problem)
            return run_in_threads(session, self._grade_chunk, concurrency, shown)

    def _grade_chunk(self, chunk: Chunk, session: Session) -> None:
        attempts = self._retries.begin()
        while chunk:
            request = request_of(chunk)
            response = self._send(request)
            answers = answers_in(response.content, succeeded(response, request), chunk)
            chunk = session.take(chunk, answers)
            wait = attempts.next_wait() if chunk else 0.0
            if wait is None:
                session.take(chunk, answers, last=True)
                return
            time.sleep(wait)

    def _get(self, path: str) -> Any:
        request = HTTPRequest.get(path)
        return read(self._send(request), request)[0]

    def _answers(self, path: str) -> bool:
        outcome = self._try(HTTPRequest.get(path), None)
        return isinstance(outcome, httpx.Response) and outcome.is_success

    def _send(self, request: HTTPRequest) -> httpx.Response:
        attempts = self._retries.begin()
        while True:
            outcome = self._try(request, attempts.remaining())
            wait = attempts.next_wait(retry_after(outcome)) if worth_repeating(outcome) else None
            if wait is not None:
                time.sleep(wait)
            elif isinstance(outcome, httpx.Response):
                return outcome
            else:
                raise failure_to_connect(outcome, request, str(self._http.base_url), attempts.tries) from outcome

    def _try(self, request: HTTPRequest, seconds: float | None) -> httpx.Response | httpx.RequestError:
        told = Told(request.watch)
        try:
            sent = self._http.build_request(
                request.method,
                request.path,
                content=request.body,
                headers=request.headers_within(seconds),
                timeout=timeout_within(self._http.timeout, seconds),
            )
            end = time.monotonic() + (seconds or 0.0)
            response = self._http.send(sent, stream=True)
            if seconds is not None and isinstance(response.stream, httpx.SyncByteStream):
                response.stream = Within(response.stream, end)
            try:
                return self._whole(response, told)
            finally:
                response.close()
        except httpx.RequestError as error:
            if error is told.raised:
                raise
            return error

    def _whole(self, response: httpx.Response, told: Told) -> httpx.Response:
        if not told.is_told_by(response):
            response.read()
            return response
        for line in response.iter_lines():
            told.take(line)
        return told.answer(response)
