"""What long replies hold that nobody reads."""

from __future__ import annotations

import asyncio
import json

import pytest

from api.in_asgi import Reader
from api.problems import FORWARD, OUTPUTS
from chainrule.api import Settings, create_app
from chainrule.api.application import Application
from chainrule.api.workers import NUMBER
from waiting import SOON

NUMBERS = 200_000
BESIDE = 2
"""So many long replies have room."""
SHORT = json.dumps({**FORWARD, "backend": "numpy"}).encode()


def request(padding: int) -> bytes:
    """Of a few bytes, and so many that say nothing, for a long reply."""
    layers = [{"op": "broadcast", "shape": [NUMBERS]}]
    body = {"network": {"layers": layers}, "inputs": [[0.123456789012345]], "backend": "numpy"}
    return json.dumps(body).encode() + b" " * padding


async def asked(app: Application, body: bytes) -> Reader:
    """A caller who has a status, and has not read a reply that is long."""
    reader = Reader(app, body, path="/v1/forward")
    async with asyncio.timeout(SOON):
        while not reader.status:
            await asyncio.sleep(0.01)
    return reader


@pytest.mark.parametrize("padding", [0, 100_000], ids=["known before it is taken", "known once it is parsed"])
def test_long_replies_that_nobody_reads_are_few_and_hold_up_no_short_one(padding: int) -> None:
    async def run() -> None:
        settings = Settings(concurrency=2, max_memory_bytes=1 << 30)
        app = create_app(settings.within(32 * NUMBER * NUMBERS * BESIDE + (1 << 20)))
        readers = [await asked(app, request(padding)) for _ in range(5)]
        assert [reader.status for reader in readers] == [200] * BESIDE + [429] * (5 - BESIDE)
        short = Reader(app, SHORT, float("inf"), path="/v1/forward")
        await asyncio.wait_for(short.answered, SOON)
        assert json.loads(short.text)["outputs"] == OUTPUTS
        for reader in readers:
            reader.take()
        await asyncio.wait_for(asyncio.gather(*(reader.answered for reader in readers)), SOON)
        assert [len(json.loads(reader.text)["outputs"][0]) for reader in readers[:BESIDE]] == [NUMBERS] * BESIDE
        assert "long replies that are not read yet" in json.loads(readers[-1].text)["detail"]
        assert app.workers.held == 0
        assert (await asked(app, request(padding))).status == 200

    asyncio.run(run())
