"""What a connection may have the service hold before a request of it is answered.

uvicorn bounds none of it: not the head of a request, which has no end until it ends, and not the requests that are sent
before earlier ones have their replies.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from chainrule.api.joined_writes import JoinedWrites

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

HEAD = 1 << 14
"""Bytes of a request's line and headers; and of what comes between two parts of its body."""
HEADERS = 100
AHEAD = 8
"""Requests that wait for the reply to an earlier one. After the last of so many the connection closes, if more come."""


class TooMuch(Exception):
    """The connection holds too much: nothing more of it is read."""


class Connection(JoinedWrites):
    """uvicorn's protocol, within bounds."""

    _taken: deque[RequestResponseCycle]
    """The requests without a whole reply, in their order; uvicorn knows of the last."""
    _head = 0
    """Bytes read since the last head was complete, or the last of a body came."""
    _is_deaf = False
    """Whether what still comes is dropped."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._taken = deque()
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for cycle in self._taken:
            cycle.disconnected = True
            cycle.message_event.set()

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        self._head += len(data)
        super().data_received(data)
        if self._head > HEAD and not self._is_deaf:
            self._refuse()

    def on_headers_complete(self) -> None:
        # Few come in as many bytes as would call for a closer look.
        if self._head > HEAD and len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD:
            raise TooMuch
        if len(self.headers) > HEADERS:
            raise TooMuch
        if len(self._taken) > AHEAD:
            self._refuse()
            raise TooMuch
        self._head = 0
        super().on_headers_complete()
        self._taken.append(self.cycle)

    def on_body(self, body: bytes) -> None:
        self._head = 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        self._taken.popleft()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        if not self._is_deaf:
            self._is_deaf = True
            super().send_400_response(msg)

    def _refuse(self) -> None:
        """Answer what has been taken, and close the connection."""
        if not self._taken:
            self.send_400_response(f"The head of the request is longer than {HEAD} bytes.")
        else:
            self._is_deaf = True
            self._taken[-1].keep_alive = False
