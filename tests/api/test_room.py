"""Room for long answers: had in turn, by one alone in any case, and counted among the bodies and replies."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from chainrule.api.room import Room
from chainrule.api.workers import Workers

MOST = 100


@dataclass
class Wanted:
    size: int
    waited: bool = False

    def wait(self) -> None:
        self.waited = True


class Wanting:
    """Has room from when it gets it until it is let go."""

    def __init__(self, room: Room, size: int) -> None:
        self.wanted = Wanted(size)
        self.has_it = False
        self._go = asyncio.Event()
        self.task = asyncio.ensure_future(self._run(room))

    async def _run(self, room: Room) -> None:
        async with room.of(self.wanted):
            self.has_it = True
            await self._go.wait()

    async def let_go(self) -> None:
        self._go.set()
        await self.task
        await settled()


async def settled() -> None:
    """Everything that can go on has done so."""
    for _ in range(10):
        await asyncio.sleep(0)


def run(check: Callable[[Workers, Room], Awaitable[None]]) -> None:
    async def checked() -> None:
        workers = Workers(1, 0, memory=2 * MOST)
        await asyncio.wait_for(_check(workers, check), 10)
        assert workers.held == 0

    asyncio.run(checked())


async def _check(workers: Workers, check: Callable[[Workers, Room], Awaitable[None]]) -> None:
    await check(workers, Room(workers, MOST))


def test_what_fits_is_had_at_once_and_the_rest_when_room_is_given_back() -> None:
    async def check(workers: Workers, room: Room) -> None:
        first, second, third = (Wanting(room, size) for size in (60, 40, 30))
        await settled()
        assert [each.has_it for each in (first, second, third)] == [True, True, False]
        assert [each.wanted.waited for each in (first, second, third)] == [False, False, True]
        assert workers.held == MOST
        await second.let_go()
        assert third.has_it
        assert workers.held == 90
        await first.let_go()
        await third.let_go()

    run(check)


def test_one_alone_gets_more_than_there_is() -> None:
    async def check(workers: Workers, room: Room) -> None:
        small = Wanting(room, 1)
        large = Wanting(room, 10 * MOST)
        await settled()
        assert not large.has_it
        await small.let_go()
        assert large.has_it
        assert workers.held == 10 * MOST
        await large.let_go()

    run(check)


def test_what_is_large_is_not_overtaken_for_ever_by_what_is_small() -> None:
    async def check(workers: Workers, room: Room) -> None:
        first = Wanting(room, 60)
        await settled()
        large, small = Wanting(room, 90), Wanting(room, 10)
        await settled()
        assert (large.has_it, small.has_it, small.wanted.waited) == (False, False, True)
        await first.let_go()
        assert (large.has_it, small.has_it) == (True, True)
        await large.let_go()
        await small.let_go()

    run(check)


def test_one_that_gives_up_waiting_stands_in_nobodys_way() -> None:
    async def check(workers: Workers, room: Room) -> None:
        first = Wanting(room, 60)
        await settled()
        large, small = Wanting(room, 90), Wanting(room, 10)
        await settled()
        large.task.cancel()
        await settled()
        assert small.has_it
        await small.let_go()
        await first.let_go()

    run(check)


def test_what_is_not_long_needs_none() -> None:
    async def check(workers: Workers, room: Room) -> None:
        first, large = Wanting(room, 60), Wanting(room, 90)
        await settled()
        async with room.of(None):
            assert workers.held == 60
        await first.let_go()
        await large.let_go()

    run(check)
