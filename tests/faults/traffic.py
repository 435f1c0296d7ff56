"""Callers of every kind, who never try again and check what they get: so that each loss is seen, and counted."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from itertools import count
from typing import Any

import httpx

from faults.regression import Regression

JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}
EVENTS = {**JSON, "Accept": "text/event-stream"}
STEPS = 400
ITEMS = 40

Caller = Callable[[httpx.AsyncClient, int], Awaitable[str]]
"""Makes one request, its numbers drawn from a seed. What became of it, in a word or two."""

RIGHT, PUT_OFF, REFUSED = "right", "put off", "connection refused"
SURVIVED = {RIGHT, PUT_OFF, REFUSED}
"""What may become of a request when a service ends in order: its caller knows whether to ask elsewhere."""


async def small(client: httpx.AsyncClient, seed: int) -> str:
    """Answered on the event loop."""
    asked = Regression(seed)
    return _verdict(await client.post("/v1/gradients", content=asked.body(), headers=JSON), asked.is_answered_by)


async def large(client: httpx.AsyncClient, seed: int) -> str:
    """Computed in a thread."""
    asked = Regression(seed, rows=2000)
    return _verdict(await client.post("/v1/gradients", content=asked.body(), headers=JSON), asked.is_answered_by)


async def halting(client: httpx.AsyncClient, seed: int) -> str:
    """A body of half a megabyte that stops half-way for a while."""
    asked = Regression(seed, rows=5000)
    body = asked.body()

    async def halves() -> AsyncIterator[bytes]:
        yield body[: len(body) // 2]
        await asyncio.sleep(0.7)
        yield body[len(body) // 2 :]

    headers = {**JSON, "Content-Length": str(len(body))}
    return _verdict(await client.post("/v1/gradients", content=halves(), headers=headers), asked.is_answered_by)


async def batch(client: httpx.AsyncClient, seed: int) -> str:
    """Items that are sent a few at a time. Each that is answered has to be, rightly or with 503."""
    asked = {number: Regression(seed + number) for number in range(ITEMS)}

    async def lines() -> AsyncIterator[bytes]:
        for number, each in asked.items():
            item = {"id": number, "operation": "gradients", "request": each.request()}
            yield json.dumps(item).encode() + b"\n"
            if number % 8 == 7:
                await asyncio.sleep(0.1)

    response = await client.post("/v1/batch", content=lines(), headers=NDJSON)
    if response.status_code != 200:
        return _verdict(response, lambda _: False)
    answers = [json.loads(line) for line in response.text.splitlines()]
    for answer in answers:
        if answer["status"] not in (200, 503):
            return f"an item with {answer['status']}"
        if answer["status"] == 200 and not asked[answer["id"]].is_answered_by(answer["reply"]):
            return "wrong"
    return RIGHT if sum(answer["status"] == 200 for answer in answers) == ITEMS else PUT_OFF


async def training(client: httpx.AsyncClient, seed: int) -> str:
    """A training that tells how far it has come."""
    asked = Regression(seed)
    content = json.dumps(asked.training(STEPS)).encode()
    response = await client.post("/v1/train", content=content, headers=EVENTS)
    if response.headers["Content-Type"] != "text/event-stream":
        return _verdict(response, lambda _: False)
    *_, event, data, _ = response.text.split("\n")[:-1]
    answer = json.loads(data.removeprefix("data: "))
    if event == "event: problem":
        return PUT_OFF if answer["status"] == 503 else f"status {answer['status']}"
    return RIGHT if event == "event: reply" and asked.is_trained_by(answer, STEPS) else "wrong"


def _verdict(response: httpx.Response, right: Callable[[Mapping[str, Any]], bool]) -> str:
    if response.status_code == 200:
        return RIGHT if right(response.json()) else "wrong"
    if response.status_code in (429, 503):
        return PUT_OFF if "Retry-After" in response.headers else f"{response.status_code} without Retry-After"
    return f"status {response.status_code}"


async def keep_calling(
    url: str, caller: Caller, outcomes: Counter[str], seeds: count[int], *, reuse: bool = True
) -> None:
    """Requests one after another, until one is refused its connection. Counts how many came to which end."""
    limits = httpx.Limits() if reuse else httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        for _ in range(100_000):
            try:
                outcomes[await caller(client, 1000 * next(seeds))] += 1
            except httpx.ConnectError:
                outcomes[REFUSED] += 1
                return
            except httpx.TransportError as error:
                outcomes[f"lost: {error!r}"] += 1
    raise AssertionError("the service goes on and on")
