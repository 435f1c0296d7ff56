"""What connections may have the service hold, beside requests that are taken and their replies.

uvicorn bounds none of it: not the head of a request, which has no end until it ends, not the requests that are sent
before earlier ones have their replies, not what many callers together leave unread of short replies, and not how many
connections there are on which no request comes, or half of one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from math import inf
from typing import TYPE_CHECKING, Any

from chainrule.api.joined_writes import SHORT, JoinedWrites
from chainrule.api.waiting import Waiting

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

HEAD = 1 << 14
"""Bytes of a request's line and headers; and of what comes between two parts of its body."""
HEADERS = 100
IDLE = 1 << 14
"""Bytes that a connection is taken to hold by itself."""
AHEAD = 8
"""Requests that wait for the reply to an earlier one. After the last of so many the connection closes, if more come."""


class TooMuch(Exception):
    """The connection holds too much: nothing more of it is read."""


class Patience:
    """What the connections of a process have in common: how many may wait for their callers, and how long.

    `most`: bytes for those that wait for a head, and as much for a body, and for requests ahead; twice as much for
    replies to be taken.
    `for_head`, `for_reply`: the seconds. Those for a body are its request's to count.
    """

    def __init__(self, most: int, for_head: float = inf, for_reply: float = inf) -> None:
        self.heads, self.bodies = Waiting(most, for_head), Waiting(most)
        self.replies = Waiting(2 * most, for_reply)


class Connection(JoinedWrites):
    """uvicorn's protocol, within bounds. `patience`: what it has in common with the others of the process."""

    _head = 0
    """Bytes read since the last head was complete, or the last of a body came."""
    _is_whole = True
    """Whether no request is without the end of its body."""
    _is_deaf = False
    """Whether what still comes is dropped."""

    def __init__(self, *given: Any, patience: Patience, **named: Any) -> None:
        super().__init__(*given, **named)
        self._patience = patience
        self._taken: deque[RequestResponseCycle] = deque()
        """The requests without a whole reply, in their order; uvicorn knows of the last."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(SHORT)  # what is less goes unseen
        self._patience.heads.add(self, IDLE)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for waiting in (self._patience.heads, self._patience.bodies, self._patience.replies):
            waiting.remove(self)
        for cycle in self._taken:
            cycle.disconnected = True
            cycle.message_event.set()

    def hang_up(self) -> None:
        """Close the connection, whatever is left to be said."""
        self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._patience.heads.remove(self)
        self._patience.replies.add(self, IDLE + self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        super().resume_writing()
        self._patience.replies.remove(self)
        if not self._taken:
            self._patience.heads.add(self, IDLE)

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        self._head += len(data)
        super().data_received(data)
        if self._head > HEAD and not self._is_deaf:
            self._refuse()
        if self._head:
            self._patience.heads.grow(self, IDLE + 2 * self._head)
        if not self._is_whole or len(self._taken) > 1:
            self._weigh()

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
        self.headers = []  # the request has its own; what comes behind its body is none of them
        self._is_whole = False
        self._patience.heads.remove(self)

    def on_body(self, body: bytes) -> None:
        self._head = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._is_whole = True
        self._weigh()

    def on_response_complete(self) -> None:
        self._taken.popleft().body.clear()  # of one that was refused unread, while the connection is idle
        super().on_response_complete()
        self._weigh()
        if not self._taken and not self.flow.write_paused:
            self._patience.heads.add(self, IDLE)

    def send_400_response(self, msg: str) -> None:
        if not self._is_deaf:
            self._is_deaf = True
            super().send_400_response(msg)

    def _weigh(self) -> None:
        """Tell what it holds of a request of which the end has not come, and of those that wait for others' replies."""
        if self._taken and not (self._is_whole and len(self._taken) == 1):
            self._patience.bodies.add(self, 2 * IDLE + sum(len(cycle.body) for cycle in self._taken))
        else:
            self._patience.bodies.remove(self)

    def _refuse(self) -> None:
        """Answer what has been taken, and close the connection."""
        if not self._taken:
            self.send_400_response(f"The head of the request is longer than {HEAD} bytes.")
        else:
            self._is_deaf = True
            self._taken[-1].keep_alive = False
