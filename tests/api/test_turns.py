"""Work on the event loop leaves room between its pieces for whatever else comes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpx
import pytest

from api.in_process import InProcess
from chainrule.api.turns import MOST, Turns

HALF = MOST / 2


async def turns_of(pieces: Sequence[float]) -> list[int]:
    """For each piece of work, all of which come at once, the turn of the loop in which it is done, from 0."""
    turns, loop = Turns(), asyncio.get_running_loop()
    turn = 0

    def count() -> None:
        nonlocal turn
        turn += 1
        loop.call_soon(count)

    async def work(seconds: float) -> int:
        await turns.take(seconds)
        return turn

    done = [asyncio.ensure_future(work(seconds)) for seconds in pieces]
    loop.call_soon(count)
    return await asyncio.gather(*done)


def test_what_fits_into_a_turn_is_done_at_once() -> None:
    assert asyncio.run(turns_of([HALF, HALF])) == [0, 0]


def test_what_is_too_long_for_any_turn_has_one_to_itself() -> None:
    first, second, third = asyncio.run(turns_of([5 * MOST, 5 * MOST, HALF]))
    assert first == 0
    assert first < second < third


@pytest.mark.parametrize("seconds", [0.3 * MOST, 0.6 * MOST])
def test_no_turn_has_more_than_fits(seconds: float) -> None:
    found = asyncio.run(turns_of([seconds] * 20))
    assert found == sorted(found), "in the order in which they came"
    assert all(found.count(turn) * seconds <= MOST for turn in found)
    assert max(found) <= 2 * 20, "and no turn is wasted"


def test_what_is_short_does_not_overtake_what_waits() -> None:
    found = asyncio.run(turns_of([0.8 * MOST, 0.8 * MOST, 0.1 * MOST]))
    assert found == sorted(found)


def test_whoever_gives_up_leaves_its_turn_to_others() -> None:
    async def run() -> int:
        turns = Turns()
        await turns.take(MOST)
        waiting = [asyncio.ensure_future(turns.take(MOST)) for _ in range(4)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        waiting[2].cancel()
        async with asyncio.timeout(30):
            await asyncio.gather(waiting[0], waiting[3])
            await turns.take(MOST)
        return sum(each.cancelled() for each in waiting)

    assert asyncio.run(run()) == 2


def test_whether_the_service_lives_is_told_between_requests_that_come_at_once() -> None:
    service = InProcess()
    order: list[str] = []
    wide = {"network": {"layers": [{"op": "broadcast", "shape": [9900]}]}, "backend": "numpy", "inputs": [[0.1]]}

    async def ask(client: httpx.AsyncClient, method: str, path: str, **sent: object) -> None:
        reply = await client.request(method, path, **sent)  # type: ignore[arg-type]
        assert reply.status_code == 200
        order.append(path)

    async def run() -> None:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(service.app), base_url="http://in.process"
        ) as client:
            busy = [ask(client, "POST", "/v1/forward", json=wide) for _ in range(40)]
            await asyncio.gather(*busy, ask(client, "GET", "/livez"))

    asyncio.run(run())
    assert order.index("/livez") < 20, "of the 40, few were answered before it"
