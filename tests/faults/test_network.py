"""A network that resets, cuts off, stalls and delays, and gateways that say 502: a client that retries sees nothing."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from chainrule_client import (
    AsyncClient,
    Client,
    ConnectionFailed,
    DeadlineExceeded,
    Reply,
    Retries,
    ServerFault,
    TimedOut,
)
from client.classes.submissions import PROBLEM, submissions
from faults.proxy import ALL, faulty_proxy, trickling_service
from faults.regression import Regression
from live_service import live_service
from waiting import until

PATIENT = Retries(limit=30, first_wait=0.01, longest_wait=0.05)
BEFORE_LONG = 15
"""Seconds. Without a deadline the calls here go on for a minute and more."""
TIMEOUT = 2.0
"""Seconds after which a stalled connection is given up: more than a busy machine takes for a small answer."""
ANNOUNCED = 6.0
"""Seconds of which the service is told half a second less: so its word comes before the caller's own time is over."""
STEPS = 300
NETWORK = {"layers": [{"op": "identity"}]}


def call(kind: str, url: str, retries: Retries, method: str, **arguments: Any) -> Reply:
    """One call by a client of one kind or the other."""
    if kind == "sync":
        with Client(url, retries=retries) as client:
            reply: Reply = getattr(client, method)(**arguments)
            return reply

    async def asked() -> Reply:
        async with AsyncClient(url, retries=retries) as client:
            reply: Reply = await getattr(client, method)(**arguments)
            return reply

    return asyncio.run(asked())


@pytest.mark.slow
def test_calls_are_answered_rightly_through_every_fault(url: str) -> None:
    with faulty_proxy(_port(url), seed=1) as proxy:
        for seed in range(5):
            asked, told = Regression(seed), list[Any]()
            with Client(proxy.url, retries=PATIENT, timeout=TIMEOUT) as client:
                assert asked.is_answered_by(client.gradients(**asked.request()).raw)
            with Client(proxy.url, retries=PATIENT, timeout=TIMEOUT) as client:
                trained = client.train(**asked.request(), **_steps(asked), watch=told.append)
                assert asked.is_trained_by(trained.raw, STEPS)
    assert set(proxy.met) == set(ALL)


@pytest.mark.slow
def test_calls_at_once_are_answered_rightly_through_every_fault(url: str) -> None:
    async def calls(through: str) -> list[bool]:
        async def call(client: AsyncClient, seed: int) -> bool:
            asked = Regression(seed, rows=40)
            return asked.is_answered_by((await client.gradients(**asked.request())).raw)

        async with AsyncClient(through, retries=PATIENT, timeout=TIMEOUT) as client:
            return await asyncio.gather(*(call(client, seed) for seed in range(120)))

    with faulty_proxy(_port(url), seed=2) as proxy:
        assert all(asyncio.run(calls(proxy.url)))
    assert set(proxy.met) == set(ALL)


@pytest.mark.slow
def test_a_class_is_graded_through_every_fault_and_each_submission_remembered_once(url: str, tmp_path: Path) -> None:
    given, resume = submissions(400), tmp_path / "resume"
    with Client(url) as client:
        expected = client.grade_many(given, PROBLEM)
    with faulty_proxy(_port(url), seed=3) as proxy, Client(proxy.url, retries=PATIENT, timeout=TIMEOUT) as client:
        found = client.grade_many(given, PROBLEM, resume=resume, concurrency=4)
    assert sum(proxy.met.values()) > len(ALL)
    assert [each.id for each in found] == [each["id"] for each in given]
    for mine, theirs in zip(found, expected, strict=True):
        assert (mine.report and mine.report.raw) == (theirs.report and theirs.report.raw)
    remembered = Counter(json.loads(line)["id"] for line in resume.read_bytes().splitlines())
    assert set(remembered) == {each.id for each in found if each.report is not None}
    assert set(remembered.values()) == {1}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("refused", ConnectionFailed),
        ("reply cut", ConnectionFailed),
        ("reply reset", ConnectionFailed),
        ("reply stalled", TimedOut),
        ("503 Retry-After: 0", ServerFault),
        ("502", ServerFault),
    ],
)
def test_a_fault_that_lasts_is_told_by_its_kind_and_with_the_id(fault: str, kind: type[Exception], url: str) -> None:
    retries, patience = Retries(limit=2, first_wait=0.01), 0.5 if kind is TimedOut else 30
    with faulty_proxy(_port(url), (fault,)) as proxy, Client(proxy.url, retries=retries, timeout=patience) as client:
        with pytest.raises(kind, match="request mine"):
            client.forward(NETWORK, [[1.0]], request_id="mine")
        until(lambda: proxy.met[fault] == 3)  # the last may be accepted once nobody waits for it any more


@pytest.mark.parametrize("fault", ["reply stalled", "request stalled", "502", "refused"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_call_ends_by_its_deadline_whatever_the_network_does(kind: str, fault: str, url: str) -> None:
    retries = Retries(limit=1000, first_wait=0.05, longest_wait=0.05, deadline=1.0)
    with faulty_proxy(_port(url), (fault,)) as proxy:
        started = time.monotonic()
        with pytest.raises((TimedOut, ConnectionFailed, ServerFault)):
            call(kind, proxy.url, retries, "forward", network=NETWORK, inputs=[[1.0]])
        assert time.monotonic() - started < BEFORE_LONG


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_reply_that_trickles_ends_by_the_deadline_too(kind: str) -> None:
    with trickling_service() as url:
        started = time.monotonic()
        with pytest.raises(TimedOut):
            call(kind, url, Retries(limit=0, deadline=1.0), "forward", network=NETWORK, inputs=[[1.0]])
        assert time.monotonic() - started < BEFORE_LONG


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_the_service_says_itself_that_the_time_is_over(kind: str, tmp_path: Path) -> None:
    asked = Regression(1, rows=20_000)
    endless = {**asked.request(), "steps": 100_000, "learning_rate": 1e-9, "record": 0}
    with live_service(tmp_path / "log", max_flops=10**18, max_calls=10**9) as service:
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded, match="there was no answer within"):
            call(kind, service.url, Retries(limit=3, deadline=ANNOUNCED), "train", **endless)
        assert time.monotonic() - started < BEFORE_LONG


def _steps(asked: Regression) -> dict[str, Any]:
    training = asked.training(STEPS)
    return {name: training[name] for name in ("steps", "learning_rate", "record")}


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
