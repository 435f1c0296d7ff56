"""Places: taken before the work, given back after it, whatever becomes of it; who is taken, and in what order."""

from __future__ import annotations

from concurrent.futures import CancelledError, Future
from threading import Event, Thread
from time import perf_counter
from typing import Any

import pytest

from chainrule.api.workers import FOREVER, LARGE, MOMENT, Full, Workers

LONG = 60


def of_callers(workers: Workers, count: int) -> list[Any]:
    """Places of as many callers."""
    return [workers.enter(caller) for caller in range(count)]


class Blocked:
    """Workers whose threads all have work that goes on until it is let go."""

    def __init__(self, concurrency: int = 1, queue: int = 16, seconds: float = 1.0, **settings: Any) -> None:
        self.workers = Workers(concurrency, queue, **settings)
        self._going_on = Event()
        self._seconds, self._started = seconds, perf_counter()
        self.first = [self._begin(seconds) for _ in range(concurrency)]

    def _begin(self, seconds: float) -> Future[bool]:
        begun = Event()

        def work() -> bool:
            begun.set()
            return self._going_on.wait(LONG)

        future = self.workers.submit(self.workers.enter(object(), seconds), work)
        assert begun.wait(LONG)
        return future

    @property
    def left(self) -> float:
        """The least that can be left of the seconds of the first."""
        return self._seconds - (perf_counter() - self._started)

    def let_go(self) -> None:
        self._going_on.set()
        assert all(future.result(LONG) for future in self.first)


def test_there_are_as_many_places_as_compute_and_wait() -> None:
    workers = Workers(concurrency=2, queue=3)
    places = of_callers(workers, 5)
    assert workers.free == 0
    with pytest.raises(Full, match="as many requests wait as may"):
        workers.enter("another")
    workers.leave(places[0])
    assert workers.free == 1
    workers.enter("another")


def test_work_gives_its_place_back_whether_it_ends_well_or_not() -> None:
    workers = Workers(concurrency=1, queue=0)
    for work, outcome in ((lambda: 7, 7), (lambda: 1 // 0, ZeroDivisionError)):
        future = workers.submit(workers.enter(), work)
        if outcome == 7:
            assert future.result(LONG) == 7
        else:
            assert isinstance(future.exception(LONG), ZeroDivisionError)
        assert (workers.free, workers.running) == (1, 0)


def test_a_caller_who_leaves_before_the_work_is_over_leaves_its_place_to_it() -> None:
    blocked = Blocked(queue=1)
    place = blocked.workers.enter("a", memory=100)
    future = blocked.workers.submit(place, lambda: True)
    blocked.workers.leave(place)
    assert (blocked.workers.free, blocked.workers.held) == (0, 100)
    blocked.let_go()
    assert future.result(LONG)
    assert (blocked.workers.free, blocked.workers.held) == (2, 0)


def test_work_that_is_given_up_before_its_turn_gives_its_place_back_at_once_and_is_never_begun() -> None:
    blocked, done = Blocked(queue=1), []
    second = blocked.workers.submit(blocked.workers.enter(), lambda: done.append(1))
    assert (blocked.workers.free, blocked.workers.waiting) == (0, 1)
    assert second.cancel()
    assert (blocked.workers.free, blocked.workers.waiting) == (1, 0)
    blocked.let_go()
    assert blocked.workers.submit(blocked.workers.enter(), lambda: True).result(LONG)
    assert not done


def test_no_more_work_is_done_at_once_than_may_be() -> None:
    blocked = Blocked(concurrency=2)
    third = blocked.workers.submit(blocked.workers.enter(), lambda: True)
    assert (blocked.workers.running, blocked.workers.waiting) == (2, 1)
    assert not third.done()
    blocked.let_go()
    assert third.result(LONG)


def test_after_the_end_what_waits_is_not_begun() -> None:
    blocked = Blocked()
    waiting = [blocked.workers.submit(blocked.workers.enter(caller), lambda: True) for caller in range(3)]
    blocked.workers.close()
    for each in waiting:
        with pytest.raises(CancelledError):
            each.result(LONG)
    blocked.let_go()


def test_places_are_counted_right_from_many_threads() -> None:
    workers = Workers(concurrency=4, queue=4)

    def coming_and_going() -> None:
        for number in range(1_000):
            try:
                place = workers.enter(memory=number)
            except Full:
                continue
            if number % 2:
                workers.submit(place, lambda: None).result(LONG)
            workers.leave(place)

    threads = [Thread(target=coming_and_going) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (workers.free, workers.held, workers.running, workers.waiting) == (8, 0, 0, 0)


class TestCallers:
    """No caller has all the places, or all the time."""

    def test_one_alone_leaves_room_for_another(self) -> None:
        workers = Workers(concurrency=2, queue=16)
        for _ in range(10):  # those that compute, and half of those that wait
            workers.enter("greedy")
        with pytest.raises(Full, match="this caller has its share"):
            workers.enter("greedy")
        for _ in range(3):
            workers.enter("another")

    def test_a_short_one_goes_before_the_backlog_of_another_caller(self) -> None:
        blocked, order = Blocked(), []
        futures = []
        for caller, name in (("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1")):
            place = blocked.workers.enter(caller, 0.005)
            futures.append(blocked.workers.submit(place, lambda name=name: order.append(name)))  # type: ignore[misc]
        blocked.let_go()
        for each in futures:
            each.result(LONG)
        assert order == ["a1", "b1", "a2", "a3"]

    def test_a_short_one_goes_before_portions_of_batches_that_take_longer_and_is_not_kept_out_by_them(self) -> None:
        blocked, order = Blocked(seconds=600.0), []
        futures = [blocked.workers.submit_beside(lambda: order.append("batch"), 0.2) for _ in range(6)]
        wait = blocked.workers.wait
        assert blocked.left < wait - 1.2 + 1e-9 < 600.0 + 2e-9, "what is left of the first, and six portions"
        place = blocked.workers.enter("a", 0.02)
        futures.append(blocked.workers.submit(place, lambda: order.append("a")))
        blocked.let_go()
        for each in futures:
            each.result(LONG)
        assert order == ["a", *["batch"] * 6]


class TestWaiting:
    """Who would wait for too long is told at once."""

    def test_work_that_waits_before_it_may_take_as_long_as_itself(self) -> None:
        blocked = Blocked(seconds=600.0)
        blocked.workers.submit(blocked.workers.enter("a", 0.5), lambda: None)
        for seconds in (0.4, 0.6):  # the shorter one would go first
            blocked.workers.leave(blocked.workers.enter("b", seconds))
        blocked.workers.submit(blocked.workers.enter("b", 0.6), lambda: None)
        with pytest.raises(Full, match="what goes before this request takes too long") as full:
            blocked.workers.enter("c", 0.7)
        assert blocked.left < full.value.wait - 1.1 + 1e-9 < 600.0, "what is left of the first, and the two that wait"
        blocked.let_go()

    def test_a_moments_work_is_waited_for_however_short_the_request(self) -> None:
        blocked = Blocked(ratio=0.0)
        blocked.workers.submit(blocked.workers.enter("a", MOMENT * 0.6), lambda: None)
        blocked.workers.submit(blocked.workers.enter("a", MOMENT * 0.3), lambda: None)
        blocked.workers.submit(blocked.workers.enter("a", MOMENT * 0.3), lambda: None)
        with pytest.raises(Full):
            blocked.workers.enter("a", 0.001)
        blocked.let_go()

    def test_one_that_could_only_come_too_late_is_not_taken(self) -> None:
        blocked = Blocked(seconds=600.0)
        with pytest.raises(Full):
            blocked.workers.enter("a", 0.1, left=400.0)
        blocked.workers.enter("a", 0.1, left=800.0)
        blocked.let_go()

    def test_where_nothing_has_to_be_waited_for_one_is_taken_however_long(self) -> None:
        Workers(1, 0).enter("a", seconds=1e6, left=1.0)

    def test_what_nobody_waits_for_any_more_is_taken_to_end_by_then(self) -> None:
        workers, going_on = Workers(1, 1), Event()
        first = workers.submit(workers.enter("a", 1e6, left=0.5), lambda: going_on.wait(LONG))
        workers.enter("b", 0.1, left=1.0)
        going_on.set()
        assert first.result(LONG)

    def test_what_is_still_being_read_is_not_waited_for(self) -> None:
        workers = Workers(concurrency=1, queue=16)
        for caller in range(8):
            workers.enter(caller, 10.0)
        assert workers.enter("a", 0.001, left=1.0).ends < FOREVER


class TestMemory:
    """Bodies and replies fit into what there is for them."""

    def test_what_does_not_fit_is_not_taken(self) -> None:
        workers = Workers(1, 16, memory=100)
        place = workers.enter("a", memory=60)
        with pytest.raises(Full, match="bodies of other requests"):
            workers.enter("b", memory=50)
        workers.enter("b", memory=40)
        assert workers.held == 100
        workers.leave(place)
        assert workers.held == 40

    def test_one_alone_is_taken_in_any_case(self) -> None:
        assert Workers(1, 16, memory=100).enter("a", memory=1_000).memory == 1_000

    def test_a_reply_counts_until_its_caller_has_it(self) -> None:
        workers = Workers(1, 16, memory=100)
        place = workers.enter("a", memory=60)
        workers.submit(place, lambda: workers.made(place, 90)).result(LONG)
        assert (workers.held, workers.free) == (90, 17)
        with pytest.raises(Full):
            workers.enter("b", memory=50)
        workers.leave(place)
        assert workers.held == 0

    def test_long_replies_have_half_of_it_between_them(self) -> None:
        workers = Workers(1, 16, memory=10 * LARGE)
        first, second = workers.enter("a"), workers.enter("b")
        workers.claim(first, 3 * LARGE)
        with pytest.raises(Full, match="long replies"):
            workers.claim(second, 3 * LARGE)
        workers.claim(second, LARGE)
        workers.leave(first)
        workers.claim(second, 3 * LARGE)

    def test_a_long_reply_alone_is_made_in_any_case_and_short_ones_beside_it(self) -> None:
        workers = Workers(1, 16, memory=LARGE)
        workers.claim(workers.enter("a"), 100 * LARGE)
        workers.claim(workers.enter("b"), LARGE)

    def test_a_reply_shorter_than_it_was_thought_leaves_the_rest_to_others(self) -> None:
        workers = Workers(1, 16, memory=10 * LARGE)
        first, second = workers.enter("a"), workers.enter("b")
        workers.claim(first, 5 * LARGE)
        workers.made(first, 2 * LARGE)
        workers.claim(second, 3 * LARGE)
