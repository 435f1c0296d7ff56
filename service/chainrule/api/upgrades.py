"""Requests that ask for another protocol are answered in this one, as RFC 9110 allows (section 7.8).

Java's client asks for HTTP/2 with each of its requests, unless it is told not to. uvicorn would answer those without
their bodies: its parser takes what follows their heads for the other protocol.
"""

from __future__ import annotations

import sys

import httptools

from chainrule.api.connections import Connection


class OneProtocol(Connection):
    """A connection on which such a head is read once more, without its wish."""

    _read = b""
    """What is being parsed."""

    def data_received(self, data: bytes) -> None:
        self._read = data
        super().data_received(data)
        self._read = b""

    def on_headers_complete(self) -> None:
        if not self._wishes():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self._wishes():
            super().on_message_complete()

    def _wishes(self) -> bool:
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def _unsupported_upgrade_warning(self) -> None:
        """uvicorn calls this where the parser has stopped behind a head."""
        stop = sys.exception()
        assert isinstance(stop, httptools.HttpParserUpgrade)
        if not self._wishes():
            self.send_400_response("Invalid HTTP request received.")
            return
        rest = self._read[stop.args[0] :]
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (method, self.url, version)]
        lines += [b"%b: %b" % header for header in self.headers if header[0] not in (b"connection", b"upgrade")]
        if any(name == b"connection" and b"close" in value.lower() for name, value in self.headers):
            lines.append(b"connection: close")
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        OneProtocol.data_received(self, b"\r\n".join([*lines, b"", b""]) + rest)
