"""A request without a socket, whose caller takes a part of its answer when the test likes."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message

KINDS = {"/v1/batch": b"application/x-ndjson"}


class Reader:
    """Sends a batch, or another request, a piece whenever it is asked for one.

    Of the answer it takes `parts` in all, and the rest once there are more to take.
    """

    def __init__(
        self, app: ASGIApp, body: bytes | list[bytes], parts: float = 0, key: str = "", path: str = "/v1/batch"
    ) -> None:
        self.text = b""
        self.status = 0
        """Of the answer, once it has begun."""
        self.taken = 0
        """Bytes of the answer."""
        self.sent = 0
        """Bytes of the body that were asked for."""
        self._body = [body] if isinstance(body, bytes) else body[:]
        self._parts = parts
        self._more = asyncio.Event()
        headers = [(b"content-type", KINDS.get(path, b"application/json"))]
        if key:
            headers.append((b"authorization", f"Bearer {key}".encode()))
        scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "client": ("127.0.0.1", 1)}
        self.answered = asyncio.ensure_future(app(scope, self._receive, self._send))

    def take(self, parts: float = float("inf")) -> None:
        """Take so many parts more."""
        self._parts += parts
        self._more.set()

    async def _receive(self) -> Message:
        if not self._body:
            await asyncio.Event().wait()
        body = self._body.pop(0)
        self.sent += len(body)
        return {"type": "http.request", "body": body, "more_body": bool(self._body)}

    async def _send(self, message: Any) -> None:
        self.status = message.get("status", self.status)
        body: bytes = message.get("body", b"")
        while body and self._parts < 1:
            self._more.clear()
            await self._more.wait()
        if body:
            self._parts -= 1
            self.taken += len(body)
            self.keep(body)

    def keep(self, body: bytes) -> None:
        """What is done with what was taken."""
        self.text += body
