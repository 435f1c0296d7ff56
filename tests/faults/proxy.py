"""A TCP proxy that goes wrong: it resets, cuts off, stalls, delays, or answers for the service as gateways do."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from threading import Event, Thread
from time import sleep

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of no seconds: closing resets the connection."""


class Lost(Exception):
    """The connection is to end, by a reset or properly."""

    def __init__(self, *, reset: bool) -> None:
        self.reset = reset


LASTS = 200_000
"""Bytes of requests or answers after which a connection is cut, wherever that is, if not before: none goes on well."""


class Proxy:
    """One connection after another meets a fault, or none, each in its turn. `met` counts them."""

    def __init__(self, port: int, faults: tuple[str, ...], seed: int) -> None:
        self._service = port
        self._random = random.Random(seed)
        self._faults = cycle(self._random.sample(faults, len(faults)))
        self.met: Counter[str] = Counter()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, started: Callable[[], None], end: asyncio.Event) -> None:
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        started()
        await end.wait()
        server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault = next(self._faults)
        self.met[fault] += 1
        try:
            if fault == "refused":
                raise Lost(reset=True)
            if fault[:3].isdigit():
                await _answer(reader, writer, fault)
                raise Lost(reset=False)
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._service)
            try:
                await self._between(fault, (reader, writer), (up_reader, up_writer))
            finally:
                up_writer.close()
        except (Lost, OSError) as error:
            if isinstance(error, Lost) and error.reset:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        finally:
            writer.close()

    async def _between(self, fault: str, caller: _Ends, service: _Ends) -> None:
        slow = fault == "delayed"
        passing = [
            asyncio.ensure_future(self._pass(caller[0], service[1], _at(fault, "request"), slow)),
            asyncio.ensure_future(self._pass(service[0], caller[1], _at(fault, "reply"), slow)),
        ]
        try:
            done, _ = await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        finally:
            for each in passing:
                each.cancel()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, fault: str, slow: bool) -> None:
        most = self._random.randint(1, 100) if fault else LASTS
        passed = 0
        while data := await source.read(1500):
            if slow:
                await asyncio.sleep(self._random.uniform(0, 0.05))
            sink.write(data[: most - passed])
            await sink.drain()
            passed += len(data)
            if passed > most:
                await _FAULTS[fault or "cut"]()


_Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def _at(fault: str, part: str) -> str:
    """What goes wrong with that part of the exchange, if it does."""
    where, _, how = fault.partition(" ")
    return how if where == part else ""


async def _reset() -> None:
    await asyncio.sleep(0.01)
    raise Lost(reset=True)


async def _cut() -> None:
    raise Lost(reset=False)


async def _stalled() -> None:
    await asyncio.sleep(3600)


_FAULTS: dict[str, Callable[[], Awaitable[None]]] = {"reset": _reset, "cut": _cut, "stalled": _stalled}

ALL = (
    "none",
    "delayed",
    "refused",
    "502",
    "503",
    "503 Retry-After: 0",
    "504",
    "429 Retry-After: 0",
    *(f"{part} {fault}" for part in ("request", "reply") for fault in _FAULTS),
)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: str) -> None:
    """As a gateway does in place of the service, once it has the whole request."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
    await reader.readexactly(int(length.partition(b":")[2]))
    status, _, header = fault.partition(" ")
    page = b"<html>a gateway's page</html>"
    lines = [f"HTTP/1.1 {status} Gateway", f"Content-Length: {len(page)}", "Content-Type: text/html", header, ""]
    writer.write("\r\n".join(line for line in lines if line).encode() + b"\r\n\r\n" + page)
    await writer.drain()


@contextmanager
def faulty_proxy(port: int, faults: tuple[str, ...] = ALL, seed: int = 0) -> Iterator[Proxy]:
    """A proxy in front of the service on `port`, until the end of the block."""
    loop, end, started, proxy = asyncio.new_event_loop(), asyncio.Event(), Event(), Proxy(port, faults, seed)

    def run() -> None:
        loop.run_until_complete(proxy.serve(started.set, end))
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()

    thread = Thread(target=run)
    thread.start()
    started.wait()
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()


@contextmanager
def trickling_service() -> Iterator[str]:
    """Where an answer comes a byte at a time, for a minute."""

    def answer(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(300):
                connection.sendall(b" ")
                sleep(0.2)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=answer, args=(listening,))
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join()
