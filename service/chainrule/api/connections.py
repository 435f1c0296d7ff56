"""What a connection may have the service hold before a request of it is answered.

uvicorn bounds none of it: not the head of a request, which has no end until it ends.
"""

from __future__ import annotations

from chainrule.api.joined_writes import JoinedWrites

HEAD = 1 << 14
"""Bytes of a request's line and headers; and of what comes between two parts of its body."""
HEADERS = 100


class TooMuch(Exception):
    """The connection holds too much: nothing more of it is read."""


class Connection(JoinedWrites):
    """uvicorn's protocol, within bounds."""

    _head = 0
    """Bytes read since the last head was complete, or the last of a body came."""
    _is_deaf = False
    """Whether what still comes is dropped."""

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
        self._head = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._head = 0
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        self._is_deaf = True
        super().send_400_response(msg)

    def _refuse(self) -> None:
        """Answer what has been taken, and close the connection."""
        if self.cycle is None or self.cycle.response_complete:
            self.send_400_response(f"The head of the request is longer than {HEAD} bytes.")
        else:
            self._is_deaf = True
            self.cycle.keep_alive = False
