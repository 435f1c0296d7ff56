"""What connections may have the service hold, beside requests that are taken and their replies.

uvicorn bounds none of it: not the head of a request, which has no end until it ends, not the requests that are sent
before earlier ones have their replies, and not what many callers together leave unread of short replies.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from chainrule.api.joined_writes import SHORT, JoinedWrites

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

HEAD = 1 << 14
"""Bytes of a request's line and headers; and of what comes between two parts of its body."""
HEADERS = 100
AHEAD = 8
"""Requests that wait for the reply to an earlier one. After the last of so many the connection closes, if more come."""


class TooMuch(Exception):
    """The connection holds too much: nothing more of it is read."""


class Unread:
    """What is written and that callers have not taken: `most` bytes, beyond which those hang up that wait longest.

    One alone may be more.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._sizes: dict[Connection, int] = {}
        """Of each connection the bytes, in the order in which their callers began to keep it waiting."""
        self.total = 0
        """Bytes of all of them."""

    def add(self, connection: Connection, size: int) -> None:
        """From now on the connection waits for its caller to take so many bytes."""
        self._sizes[connection] = size
        self.total += size
        while self.total > self._most and len(self._sizes) > 1:
            first = next(iter(self._sizes))
            self.remove(first)
            first.transport.abort()

    def remove(self, connection: Connection) -> None:
        """It waits no longer, if it did."""
        self.total -= self._sizes.pop(connection, 0)


class Connection(JoinedWrites):
    """uvicorn's protocol, within bounds. `unread`: what it has in common with the others of the process."""

    _head = 0
    """Bytes read since the last head was complete, or the last of a body came."""
    _is_deaf = False
    """Whether what still comes is dropped."""

    def __init__(self, *given: Any, unread: Unread, **named: Any) -> None:
        super().__init__(*given, **named)
        self._unread = unread
        self._taken: deque[RequestResponseCycle] = deque()
        """The requests without a whole reply, in their order; uvicorn knows of the last."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(SHORT)  # what is less goes unseen

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unread.remove(self)
        for cycle in self._taken:
            cycle.disconnected = True
            cycle.message_event.set()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread.add(self, self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unread.remove(self)

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
