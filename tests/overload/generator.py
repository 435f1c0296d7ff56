"""Sends requests at the times of a plan, whether or not earlier ones have been answered, and checks every reply.

It runs in a process of its own and talks HTTP over bare sockets, so that it takes little of the time that it measures:

    python tests/overload/generator.py 127.0.0.1:8000 --rate 100 --seconds 120 --width 20000 --depth 40
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

from overload.work import Work

MOST_CONNECTIONS = 400
SETTLE = 30.0
"""Seconds in which the last replies have to come."""


@dataclass
class Outcome:
    """What became of the requests. Times are in seconds, from when a request was due to the last byte of its reply."""

    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    retry_after: list[int] = field(default_factory=list)
    others: list[int] = field(default_factory=list)
    """Statuses other than 200 and 429; 0 for a connection that was lost."""
    wrong: int = 0
    unanswered: int = 0
    late: float = 0.0
    """The longest time from when a request was due to when it was sent."""
    seconds: float = 0.0


class Connection(asyncio.Protocol):
    """One connection, with one request on its way at most."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._asked: tuple[float, float] | None = None
        """When the request was due, and its number."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, due: float, x: float, request: bytes) -> None:
        assert self._transport is not None
        self._asked = due, x
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._received[:end]).lower()
        length = int(_header(head, b"content-length"))
        if len(self._received) < end + 4 + length or self._asked is None:
            return
        body = bytes(self._received[end + 4 : end + 4 + length])
        self._received.clear()
        (due, x), self._asked = self._asked, None
        self._load.answered(due, x, int(head[9:12]), head, body)
        self._load.idle.append(self)

    def connection_lost(self, error: Exception | None) -> None:
        if self._asked is not None:
            self._load.lost()
        if self in self._load.idle:
            self._load.idle.remove(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Load:
    """Requests of one kind to one service."""

    def __init__(self, host: str, port: int, work: Work, seed: int) -> None:
        self._host, self._port, self._work = host, port, work
        self._random = random.Random(seed)
        self.idle: deque[Connection] = deque()
        self._connections: list[Connection] = []
        self._pending = 0
        self.outcome = Outcome()

    async def open(self, rate: float, seconds: float) -> None:
        """Send on average `rate` requests a second, at random times (a Poisson process)."""
        started = perf_counter()
        due = started
        while True:
            due += self._random.expovariate(rate)
            if due > started + seconds:
                break
            wait = due - perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            await self._send(due)
        self.outcome.seconds = seconds
        await self._settle()

    async def closed(self, seconds: float) -> None:
        """One request after the other."""
        started = perf_counter()
        while perf_counter() < started + seconds:
            await self._send(perf_counter())
            while self._pending:
                await asyncio.sleep(0.0002)
        self.outcome.seconds = perf_counter() - started
        await self._settle()

    async def _send(self, due: float) -> None:
        x = self._random.uniform(0.1, 1.0)
        body = self._work.body(x)
        head = f"POST {self._work.path} HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\n"
        request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        connection = self.idle.pop() if self.idle else await self._connect()
        self.outcome.late = max(self.outcome.late, perf_counter() - due)
        self._pending += 1
        connection.ask(due, x, request)

    async def _connect(self) -> Connection:
        if len(self._connections) >= MOST_CONNECTIONS:
            raise RuntimeError("more requests are on their way than there may be connections")
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: Connection(self), self._host, self._port)
        self._connections.append(connection)
        return connection

    async def _settle(self) -> None:
        last = perf_counter()
        while self._pending and perf_counter() < last + SETTLE:
            await asyncio.sleep(0.01)
        self.outcome.unanswered = self._pending
        for connection in self._connections:
            connection.close()

    def answered(self, due: float, x: float, status: int, head: bytes, body: bytes) -> None:
        took = perf_counter() - due
        self._pending -= 1
        if status == 200:
            self.outcome.accepted.append(took)
            self.outcome.wrong += not self._work.is_right(x, body)
        elif status == 429:
            self.outcome.refused.append(took)
            self.outcome.retry_after.append(int(_header(head, b"retry-after")))
        else:
            self.outcome.others.append(status)

    def lost(self) -> None:
        self._pending -= 1
        self.outcome.others.append(0)


def _header(head: bytes, name: bytes) -> bytes:
    start = head.index(b"\r\n" + name + b":") + len(name) + 3
    stop = head.find(b"\r\n", start)
    return head[start : stop if stop >= 0 else len(head)].strip()


async def _main(options: argparse.Namespace) -> Outcome:
    host, _, port = options.address.rpartition(":")
    work = Work(options.width, options.depth, options.spelled_out)
    load = Load(host, int(port), work, options.seed)
    await (load.open(options.rate, options.seconds) if options.rate else load.closed(options.seconds))
    return load.outcome


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Open-loop load on a service; the outcome is JSON on stdout.")
    parser.add_argument("address", help="host:port")
    parser.add_argument("--rate", type=float, default=0.0, help="requests a second; 0 for one after the other")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--depth", type=int, required=True)
    parser.add_argument("--spelled-out", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    json.dump(asdict(asyncio.run(_main(parser.parse_args()))), sys.stdout)
