"""The lines of a request's body, as they come: of bounded length, read no faster than they are taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

NDJSON = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank, by its number from 1. `text` is None where it was longer than it may be."""

    number: int
    text: bytes | None


class LineSplitter:
    """Cuts chunks into lines. Of a line that is too long nothing is kept."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._number = 0
        self._parts: list[bytes] = []
        self._length = 0

    @property
    def kept(self) -> int:
        """Bytes of a line of which the end has not come."""
        return 0 if self._length > self._most else self._length

    def feed(self, chunk: bytes) -> Iterator[Line]:
        """The lines that end in `chunk`."""
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            self._keep(chunk[start:end])
            yield from self._line()
            start = end + 1
        self._keep(chunk[start:])

    def finish(self) -> Iterator[Line]:
        """The last line, where nothing ends it."""
        yield from self._line()

    def _keep(self, part: bytes) -> None:
        self._length += len(part)
        if self._length > self._most:
            self._parts.clear()
        elif part:
            self._parts.append(part)

    def _line(self) -> Iterator[Line]:
        too_long = self._length > self._most
        text = b"".join(self._parts)
        self._number += 1
        self._parts, self._length = [], 0
        if too_long or text.strip():
            yield Line(self._number, None if too_long else text)
