"""A request that the service has begun, and that a test ends when it likes."""

from __future__ import annotations

import json
import select
import socket
from http.client import HTTPMessage, HTTPResponse
from types import TracebackType
from typing import Any, NamedTuple, Self

from live_service import LiveService

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: HTTPMessage
    body: Any


class NotTaken(Exception):
    """The request was answered at once."""


class Held:
    """Its head is sent, its body kept back.

    The service says "100 Continue" when it begins to read a body, which is after the request has got its place: so
    once there is a Held, the request is in flight, and no waiting has to make it likely.
    """

    def __init__(self, service: LiveService, body: bytes, path: str = "/v1/forward", **headers: str) -> None:
        self._socket = service.connect()
        self._body = body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        head = {"Host": "localhost", "Content-Type": "application/json", "Content-Length": len(body), **named}
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "Expect: 100-continue"]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        found = self._socket.recv(len(CONTINUE), socket.MSG_WAITALL)
        if found != CONTINUE:
            self._socket.close()
            raise NotTaken(found)

    def send_body(self) -> None:
        self._socket.sendall(self._body)

    @property
    def answered(self) -> bool:
        """Whether something has come back by now."""
        return bool(select.select([self._socket], [], [], 0)[0])

    def answer(self, within: float = 60) -> Answer:
        """Wait for the answer. For after the body, or where it is answered without."""
        self._socket.settimeout(within)
        response = HTTPResponse(self._socket, method="POST")
        response.begin()
        return Answer(response.status, response.headers, json.loads(response.read()))

    def finish(self) -> Answer:
        self.send_body()
        return self.answer()

    def hang_up(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.hang_up()
