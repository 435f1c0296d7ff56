"""One HTTP request and its reply: the id they share, the body with its bounds, and what is sent."""

from __future__ import annotations

import os
import re
from asyncio import ensure_future, sleep, timeout
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from math import inf, isfinite
from time import perf_counter

from starlette.types import Message, Receive, Scope, Send

from chainrule.api.problems import MEDIA_TYPE, Problem
from chainrule.schemas import safetensors
from chainrule.schemas.safetensors import Buffer

JSON = b"application/json"
SAFETENSORS = safetensors.MEDIA_TYPE.encode()
PART = 1 << 18
"""Bytes of a long reply that are sent at a time."""
CLIENT_GONE = 499
"""The status logged where nobody was left to answer."""

Body = bytes | Sequence[Buffer]
"""A reply as it is sent; a long one in pieces."""

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")

IN_UTF_8 = rb'\s*+(;\s*+(charset\s*=\s*"?utf-8"?\s*+)?)*+'
"""What may follow the media type of text: no parameter, which may be written as none, or the charset."""
_JSON_TYPE = re.compile(rb"\s*application/json" + IN_UTF_8, re.IGNORECASE)
_SAFETENSORS_TYPE = re.compile(rb"\s*" + re.escape(SAFETENSORS) + rb"[\s;]*+", re.IGNORECASE)


class ClientGone(Exception):
    """The caller has hung up: nothing more needs doing."""


class Exchange:
    """A request being answered. `send` passes on what is sent, with the request's id among the headers."""

    __slots__ = (
        "_send",
        "ended",
        "headers",
        "in_safetensors",
        "key",
        "kind",
        "receive",
        "received",
        "request_id",
        "scope",
        "sent",
        "started",
        "status",
        "timings",
        "trace",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.started = perf_counter()
        self.scope = scope
        self.receive = receive
        self._send = send
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        if len(self.headers) < len(scope["headers"]):
            self.headers = _joined(scope["headers"])
        given = self.headers.get(b"x-request-id", b"")
        self.request_id = given.decode() if _REQUEST_ID.fullmatch(given) else os.urandom(16).hex()
        self.status: int | None = None
        self.kind = ""
        """Of the problem that was answered, if one was."""
        self.received = self.sent = 0
        """Bytes of the body read so far, and of the reply's."""
        self.timings: Sequence[tuple[bytes, float, float]] = ()
        """When the parts of the work began, by `perf_counter`, and how many seconds they took."""
        self.key: bytes | None = None
        """The digest of the caller's key, where it needs one."""
        self.trace: str | None = None
        """The trace that it belongs to, in hex, where spans are made."""
        self.ended = False
        """Whether the body has been read to its end."""
        self.in_safetensors = False
        """Whether the body is said to be such a file, once its announcement has been read."""

    @property
    def peer(self) -> str:
        """The address that the request comes from, or that of the last proxy that is not trusted."""
        client = self.scope.get("client")
        return client[0] if client else ""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message["headers"], (b"x-request-id", self.request_id.encode())]}
        else:
            self.sent += len(message.get("body", b""))
        await self._send(message)

    async def reply(
        self,
        body: Body,
        *headers: tuple[bytes, bytes],
        status: int = 200,
        kind: bytes = JSON,
        seconds: float = inf,
    ) -> None:
        """Send a whole reply; a long one a part at a time, as `send_long` does."""
        length = length_of(body)
        about = [(b"content-type", kind), (b"content-length", b"%d" % length), *headers]
        await self.send({"type": "http.response.start", "status": status, "headers": about})
        if isinstance(body, bytes) and length <= PART:
            await self.send({"type": "http.response.body", "body": body})
        else:
            await self.send_long([body] if isinstance(body, bytes) else body, seconds)

    async def send_long(self, pieces: Sequence[Buffer], seconds: float) -> None:
        """Send the last of a reply, however long, as fast as it is read. For after the body of the request.

        Raises ClientGone where the caller has hung up before all of it was sent, and as `send_part` does.
        """
        left = length_of(pieces)
        gone = ensure_future(self.gone())
        try:
            for part in parts(pieces):
                await sleep(0)  # to hear of it: what is sent to a caller that has gone is dropped in silence
                if gone.done():
                    raise ClientGone
                left -= len(part)
                await self.send_part(part, seconds, more=left > 0)
        finally:
            gone.cancel()

    async def send_part(self, part: bytes, seconds: float, *, more: bool = True) -> None:
        """Send a part of a reply, once there is room. Raises ClientGone where there is none within so many seconds."""
        try:
            async with timeout(seconds):
                await self.send({"type": "http.response.body", "body": part, "more_body": more})
        except TimeoutError:
            raise ClientGone from None

    async def begin(self, kind: bytes) -> None:
        """Send the head of a reply that comes in parts."""
        about = [(b"content-type", kind), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
        await self.send({"type": "http.response.start", "status": 200, "headers": about})

    async def refuse(self, problem: Problem, linger: float = 0.0) -> None:
        """Send a problem document. With `linger` the connection closes then, but not before so many seconds while the
        body still comes: the caller, who is sending it, would lose the document."""
        headers = [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
        body = problem.document(self.request_id)
        self.kind = problem.kind
        about = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", b"%d" % len(body)), *headers]
        await self.send({"type": "http.response.start", "status": problem.status, "headers": about})
        await self.send({"type": "http.response.body", "body": body, "more_body": linger > 0})
        if linger > 0:
            await self._read_out(linger)
            await self.send({"type": "http.response.body", "body": b""})

    async def _read_out(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with timeout(seconds):
                while not self.ended:
                    self.ended = not (await self.receive()).get("more_body", False)

    def announced(self, most: int) -> int | None:
        """The length that the body is said to have, if it is. Raises Problem where it may not be sent at all."""
        kind = self.headers.get(b"content-type")
        if kind is None or not _JSON_TYPE.fullmatch(kind):
            self.in_safetensors = kind is not None and _SAFETENSORS_TYPE.fullmatch(kind) is not None
            if not self.in_safetensors:
                raise _other_type(kind)
        self.check_coding()
        length = self.headers.get(b"content-length")
        if length is None:
            return None
        if not length.isdigit() or len(length) > 18:
            raise Problem(400, "Content-Length wants a number of bytes")
        if int(length) > most:
            raise too_long(most)
        return int(length)

    def check_coding(self) -> None:
        """Raises Problem where the body is compressed."""
        if self.headers.get(b"content-encoding", b"").strip().lower() not in (b"", b"identity"):
            raise Problem(415, "a compressed body is not taken: send it without Content-Encoding")

    def patience(self, most: float) -> float:
        """Seconds until the caller stops waiting, by X-Request-Timeout, and `most` at most. Raises Problem."""
        given = self.headers.get(b"x-request-timeout")
        if given is None:
            return most
        try:
            seconds = -1.0 if b"_" in given else float(given)  # 1_000 is Python's
        except ValueError:
            seconds = -1.0
        if not isfinite(seconds) or seconds < 0:
            raise Problem(400, "X-Request-Timeout wants seconds, such as 2.5")
        if seconds == 0:
            raise Problem(408, "X-Request-Timeout is 0 seconds, which leaves no time to answer: allow more")
        return min(seconds, most)

    async def body(self, most: int, seconds: float) -> bytes | bytearray:
        """The body, at most `most` bytes of it. Raises Problem where it is longer or slower, and ClientGone.

        One in safetensors is a bytearray: arrays in it may then be handed to torch as they lie.
        """
        try:
            async with timeout(seconds):
                message = await self.receive()
                chunks = [self._chunk(message)]
                length = len(chunks[0])
                while message.get("more_body", False):
                    if length > most:
                        break
                    message = await self.receive()
                    chunks.append(self._chunk(message))
                    length += len(chunks[-1])
        except TimeoutError:
            raise Problem(
                408,
                f"the body did not arrive within {seconds:g} seconds: send less, or allow more in X-Request-Timeout, "
                "up to what the service waits",
                headers={"Connection": "close"},
            ) from None
        if length > most:
            raise too_long(most, {"Connection": "close"})
        self.ended = True
        if self.in_safetensors:
            return bytearray().join(chunks)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def gone(self) -> None:
        """Return when the caller hangs up. For after the body."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    def _chunk(self, message: Message) -> bytes:
        if message["type"] == "http.disconnect":
            raise ClientGone
        body = bytes(message.get("body", b""))
        self.received += len(body)
        return body


def length_of(body: Body) -> int:
    """Bytes of a reply."""
    return len(body) if isinstance(body, bytes) else sum(map(len, body))


def parts(pieces: Iterable[Buffer]) -> Iterator[bytes]:
    """The same bytes in parts of PART, the last as long as is left. Nothing but a part is ever copied."""
    waiting: list[memoryview] = []
    room = PART
    for piece in pieces:
        rest = memoryview(piece)
        while rest:
            waiting.append(rest[:room])
            rest = rest[room:]
            room -= len(waiting[-1])
            if not room:
                yield b"".join(waiting)
                waiting, room = [], PART
    if waiting:
        yield b"".join(waiting)


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """What is said in several headers of one name, as one: a list (RFC 9110, section 5.3)."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        found[name] = b"%b, %b" % (found[name], value) if name in found else value
    return found


def _other_type(kind: bytes | None) -> Problem:
    found = "no Content-Type" if kind is None else "another Content-Type"
    return Problem(
        415,
        f"found {found}; the body has to be sent as Content-Type: application/json, in UTF-8, or as "
        f"{safetensors.MEDIA_TYPE}",
    )


def too_long(most: int, headers: dict[str, str] | None = None) -> Problem:
    """The refusal of a body beyond `most` bytes."""
    return Problem(
        413,
        f"the body is longer than {most} bytes: send less at a time, or let the service draw the numbers "
        '({"shape": …, "seed": …})',
        headers=headers,
    )
