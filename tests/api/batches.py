"""Items, and a batch over a socket of the test's own: it decides when something is sent, and when something is read."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from api.problems import FORWARD
from live_service import LiveService

HEAD = (
    "POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n"
)
NDJSON = {"Content-Type": "application/x-ndjson"}


def item(number: Any, request: Any = FORWARD, operation: Any = "forward") -> dict[str, Any]:
    """An item as it is before it is written down."""
    return {"id": number, "operation": operation, "request": request}


class OpenBatch:
    """A batch whose body goes on for as long as the test likes."""

    def __init__(self, service: LiveService, *, buffer: int | None = None, **headers: str) -> None:
        self.socket = service.connect()
        if buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.socket.sendall(f"{HEAD}{named}\r\n".encode())
        self._answer = self.socket.makefile("rb")
        self._head: dict[str, str] | None = None
        self._text = b""

    def send(self, body: bytes) -> None:
        self.socket.sendall(b"%x\r\n%b\r\n" % (len(body), body))

    def send_items(self, *items: Any) -> None:
        self.send(b"".join(json.dumps(item).encode() + b"\n" for item in items))

    def end(self) -> None:
        self.socket.sendall(b"0\r\n\r\n")

    @property
    def status(self) -> int:
        """Of the answer's head."""
        if self._head is None:
            self._status = int(self._answer.readline().split()[1])
            lines = iter(lambda: self._answer.readline().decode().strip(), "")
            self._head = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return self._status

    def lines(self) -> Iterator[Any]:
        """The lines of the answer as they come, to its end."""
        assert self.status == 200
        while size := int(self._answer.readline(), 16):
            self._text += self._answer.read(size)
            self._answer.readline()
            *whole, self._text = self._text.split(b"\n")
            yield from map(json.loads, whole)
        assert self._text == b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._answer.close()
        self.socket.close()
