"""What batches hold of answers that are long, or that nobody reads."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from time import perf_counter
from typing import Any

import pytest

from api.in_asgi import Reader
from api.keys import hashed
from api.problems import FORWARD
from chainrule.api import Settings, create_app
from chainrule.api.exchange import PART
from waiting import SOON

SHORT = {**FORWARD, "backend": "numpy"}
NUMBERS = 200_000
LENGTH = NUMBERS * len("0.123456789012345,")
"""Bytes of a long answer, and a few more for what is around the numbers."""


WIDE = LENGTH // 9
"""Bytes of a line of which many are sent."""


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
        reader = Reader(create_app(Settings(concurrency=1, reply_seconds=2)), long_item(1) + item(2, SHORT))
        while not reader.answered.done():
            reader.take(1)
            await asyncio.sleep(0.3)
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


def with_room_for(count: float) -> Settings:
    """Settings of a service that has room for so many long answers of batches."""
    settings = Settings(concurrency=2, max_memory_bytes=1 << 30).within(int(32 * count * LENGTH))
    assert settings.memory_for_bodies == pytest.approx(2 * count * LENGTH, rel=0.01)
    return settings


def test_many_batches_that_nobody_reads_hold_an_answer_between_them_and_hold_up_no_short_one() -> None:
    async def run() -> tuple[int, list[bytes]]:
        app = create_app(with_room_for(1.5))
        unread = [Reader(app, long_item(number), 1) for number in range(6)]
        while not any(reader.taken for reader in unread):
            await asyncio.sleep(0.01)
        short = Reader(app, item(7, SHORT) * 3, float("inf"))
        await asyncio.wait_for(short.answered, SOON)
        held = app.workers.held
        assert sum(reader.taken for reader in unread) == PART
        for reader in unread:
            reader.take()
        await asyncio.wait_for(asyncio.gather(*(reader.answered for reader in unread)), SOON)
        assert app.workers.held == 0
        return held, [short.text, *(reader.text for reader in unread)]

    held, texts = asyncio.run(run())
    assert LENGTH <= held < 1.5 * LENGTH
    assert list(map(told, texts)) == [[(7, 200)] * 3, *([(number, 200)] for number in range(6))]


def test_batches_that_are_read_all_end_where_no_answer_fits() -> None:
    async def run() -> list[bytes]:
        app = create_app(with_room_for(0.1))
        body = b"".join(long_item(number) + item(number, SHORT) for number in range(3))
        readers = [Reader(app, body, float("inf")) for _ in range(4)]
        await asyncio.wait_for(asyncio.gather(*(reader.answered for reader in readers)), SOON)
        return [reader.text for reader in readers]

    wanted = [(number, 200) for number in range(3) for _ in range(2)]
    assert list(map(told, asyncio.run(run()))) == [wanted] * 4


def test_a_long_answer_counts_once_under_a_rate() -> None:
    async def run() -> bytes:
        app = create_app(Settings(concurrency=1, keys=hashed("key"), rate=0.001, burst=3))
        reader = Reader(app, b"".join(map(long_item, range(3))), float("inf"), "key")
        await asyncio.wait_for(reader.answered, SOON)
        return reader.text

    assert told(asyncio.run(run())) == [(number, 200) for number in range(3)]


def test_lines_beyond_the_share_of_a_batch_are_read_once_those_before_are_answered() -> None:
    async def run() -> tuple[int, bytes]:
        app = create_app(with_room_for(0.5).model_copy(update={"batches": 16}))
        lines = [long_item(0), *(item(number, SHORT)[:-1].ljust(WIDE) + b"\n" for number in range(1, 20))]
        reader = Reader(app, lines, 2)
        while reader.taken < 2 * PART or reader.sent == len(lines[0]):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        read = reader.sent - len(lines[0])
        reader.take()
        await asyncio.wait_for(reader.answered, SOON)
        return read, reader.text

    read, text = asyncio.run(run())
    assert read == WIDE + 1, "a line is longer than the share, and the first one had left room"
    assert told(text) == [(number, 200) for number in range(20)]
