"""SIGTERM under load: whatever was accepted is answered, rightly, and the rest is told to go elsewhere."""

from __future__ import annotations

import asyncio
import json
import signal
from collections import Counter
from itertools import count
from pathlib import Path

import pytest

from faults.regression import Regression
from faults.traffic import REFUSED, RIGHT, SURVIVED, batch, halting, keep_calling, large, small, training
from live_service import LiveService, live_service
from waiting import until

NOTICE, DRAIN = 2, 60
"""Seconds. A caller on a busy machine may take one to send its next request."""
LONG_BEFORE = DRAIN / 3
"""Seconds within which a busy machine ends a service that has nothing left to do."""
CALLERS = {
    "small": (small, 8, True),
    "small on new connections": (small, 4, False),
    "large": (large, 3, True),
    "halting": (halting, 3, True),
    "batch": (batch, 3, True),
    "training": (training, 2, True),
}
"""Who calls, how many of them at once, and whether they keep their connections."""
AT_ONCE = 200


async def end_under_load(service: LiveService) -> dict[str, Counter[str]]:
    """SIGTERM once every kind of call has been answered, while all go on. What became of them."""
    seeds = count(1)
    outcomes = {name: Counter[str]() for name in CALLERS}
    running = [
        asyncio.ensure_future(keep_calling(service.url, caller, outcomes[name], seeds, reuse=reuse))
        for name, (caller, callers, reuse) in CALLERS.items()
        for _ in range(callers)
    ]
    async with asyncio.timeout(60):
        while not all(each[RIGHT] for each in outcomes.values()):
            await asyncio.sleep(0.1)
    service.terminate()
    await asyncio.gather(*running)
    return outcomes


def message(body: bytes) -> bytes:
    """A request of its own on a connection."""
    head = f"POST /v1/gradients HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Content-Type: application/json\r\n\r\n".encode() + body


async def end_before_a_crowd(service: LiveService) -> Counter[str]:
    """SIGTERM while more connections come in than are accepted at once. What became of the requests on them."""
    request = message(Regression(1).body())
    outcomes: Counter[str] = Counter()

    async def keep_calling() -> None:
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
            except ConnectionRefusedError:
                outcomes[REFUSED] += 1
                return
            try:
                writer.write(request)
                outcomes[(await reader.read()).partition(b"\r\n")[0].decode()] += 1
            except OSError as error:
                outcomes[f"lost: {error!r}"] += 1
            finally:
                writer.close()

    async with asyncio.timeout(60):
        running = [asyncio.ensure_future(keep_calling()) for _ in range(AT_ONCE)]
        while outcomes.total() < AT_ONCE:
            await asyncio.sleep(0.05)
        service.terminate()
        await asyncio.gather(*running)
    return outcomes


@pytest.mark.slow
def test_no_request_is_lost(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with live_service(log, drain_notice=NOTICE, drain_seconds=DRAIN, queue=64) as service:
        outcomes = asyncio.run(end_under_load(service))
        assert service.process.wait(LONG_BEFORE) == 0, "everyone had an answer"
    for name, found in outcomes.items():
        assert set(found) <= SURVIVED, (name, found)
    assert "traceback" not in log.read_text()


@pytest.mark.slow
def test_connections_that_wait_to_be_accepted_are_answered(tmp_path: Path) -> None:
    with live_service(tmp_path / "log", drain_notice=NOTICE, log_level="warning") as service:
        outcomes = asyncio.run(end_before_a_crowd(service))
        assert service.process.wait(30) == 0
    assert set(outcomes) == {"HTTP/1.1 200 OK", REFUSED}, outcomes
    assert outcomes[REFUSED] == AT_ONCE


@pytest.mark.slow
def test_a_connection_just_made_has_time_for_its_first_request(tmp_path: Path) -> None:
    asked = Regression(1)
    with live_service(tmp_path / "log", drain_notice=0, drain_seconds=DRAIN) as service:
        with service.connect() as new:
            service.terminate()
            until(service.refuses)
            new.sendall(message(asked.body()))
            reply = b"".join(iter(lambda: new.recv(1 << 16), b""))
        assert reply.startswith(b"HTTP/1.1 200 ")
        assert asked.is_answered_by(json.loads(reply.partition(b"\r\n\r\n")[2]))
        assert service.process.wait(LONG_BEFORE) == 0


@pytest.mark.slow
@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_connection_without_a_request_does_not_hold_up_the_end(tmp_path: Path, sig: int) -> None:
    with live_service(tmp_path / "log", drain_notice=0, drain_seconds=DRAIN) as service, service.connect():
        service.terminate(sig)
        assert service.process.wait(LONG_BEFORE) == 0
