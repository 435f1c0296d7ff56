"""The head of a reply and its body in one write.

uvicorn writes them one after the other, and each write is a system call that also wakes up the caller: for a small
request, a tenth of its time.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

SHORT = 1 << 12
"""Bytes up to which a write is held back for the next one: every head is shorter."""
COPIED = 1 << 16
"""Bytes up to which copying two writes into one is cheaper than passing both on."""
UNREAD = 15.0
"""Seconds in which a caller has to take what is left when the connection is closed, which otherwise waits for ever."""


class Joining:
    """A transport that holds a short write back until the next one, or until the event loop's next turn."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        held = self._held
        if held:
            self._held = b""
            if len(data) <= COPIED:
                self._transport.write(held + data)
            else:
                self._transport.writelines((held, data))
        elif len(data) <= SHORT:
            self._held = data
            self._loop.call_soon(self._flush)
        else:
            self._transport.write(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._loop.call_later(UNREAD, self._transport.abort)

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)


class JoinedWrites(HttpToolsProtocol):
    """uvicorn's protocol over such a transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(Joining(transport, asyncio.get_running_loop()))  # type: ignore[arg-type]
