"""What batches hold of answers that are long, or that nobody reads."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from time import perf_counter
from typing import Any

from api.in_asgi import Reader
from api.problems import FORWARD
from chainrule.api import Settings, create_app
from chainrule.api.exchange import PART

SOON = 30
NUMBERS = 200_000
LENGTH = NUMBERS * len("0.123456789012345,")
"""Bytes of a long answer, and a few more for what is around the numbers."""


def item(number: int, request: Any) -> bytes:
    return json.dumps({"id": number, "operation": "forward", "request": request}).encode() + b"\n"


def long_item(number: int) -> bytes:
    """A short line with a long answer."""
    layers = [{"op": "broadcast", "shape": [NUMBERS]}]
    return item(number, {"network": {"layers": layers}, "inputs": [[0.123456789012345]], "backend": "numpy"})


def told(text: bytes) -> list[tuple[int, int]]:
    """The id and the status of each line."""
    return [(line["id"], line["status"]) for line in map(json.loads, text.splitlines())]


class Forgetful(Reader):
    """Keeps nothing of its answer."""

    def keep(self, body: bytes) -> None:
        pass


def test_what_has_been_sent_is_not_kept() -> None:
    async def peak() -> int:
        reader = Forgetful(create_app(Settings(concurrency=1)), b"".join(map(long_item, range(20))), float("inf"))
        tracemalloc.start()
        try:
            await asyncio.wait_for(reader.answered, SOON)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            assert reader.taken > 20 * LENGTH

    assert asyncio.run(peak()) < 6 * LENGTH


def test_a_long_answer_that_is_not_read_ends_the_batch_after_the_seconds_of_a_long_reply() -> None:
    async def run() -> float:
        started = perf_counter()
        reader = Reader(create_app(Settings(concurrency=1, reply_seconds=0.5)), long_item(1), 2)
        await asyncio.wait_for(reader.answered, SOON)
        assert reader.taken == 2 * PART
        return perf_counter() - started

    assert asyncio.run(run()) < 10, "and not after the deadline, 120 s"


def test_one_that_is_read_slowly_but_steadily_goes_on() -> None:
    async def run() -> bytes:
        reader = Reader(create_app(Settings(concurrency=1, reply_seconds=1)), long_item(1) + item(2, FORWARD))
        while not reader.answered.done():
            reader.take(1)
            await asyncio.sleep(0.2)
        return reader.text

    assert told(asyncio.run(run())) == [(1, 200), (2, 200)], "after more than twice the seconds for a part"


def test_a_line_that_is_being_sent_when_the_service_ends_is_sent_to_its_end() -> None:
    async def run() -> bytes:
        reader = Reader(create_app(Settings(concurrency=1)), b"".join(map(long_item, range(3))), 2)
        while reader.taken < 2 * PART:
            await asyncio.sleep(0.01)
        reader.answered.cancel()
        await asyncio.sleep(0.1)
        reader.take()
        await asyncio.wait((reader.answered,), timeout=SOON)
        return reader.text

    assert told(asyncio.run(run())) == [(0, 200), (1, 503), (2, 503)]
