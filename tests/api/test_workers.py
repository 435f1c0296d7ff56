"""Places: as many as compute and wait, taken before the work and given back after it, whatever becomes of it."""

from __future__ import annotations

from concurrent.futures import CancelledError
from threading import Event, Thread

import pytest

from chainrule.api.memory import OutOfMemory, guarded
from chainrule.api.workers import Full, Workers

LONG = 60


def test_there_are_as_many_places_as_compute_and_wait() -> None:
    workers = Workers(concurrency=2, queue=3)
    for left in (4, 3, 2, 1, 0):
        workers.enter()
        assert workers.free == left
    with pytest.raises(Full):
        workers.enter()
    workers.leave()
    workers.enter()


def test_work_gives_its_place_back_whether_it_ends_well_or_not() -> None:
    workers = Workers(concurrency=1, queue=0)
    for work, outcome in ((lambda: 7, 7), (lambda: 1 // 0, ZeroDivisionError)):
        workers.enter()
        future = workers.submit(work)
        if outcome == 7:
            assert future.result(LONG) == 7
        else:
            assert isinstance(future.exception(LONG), ZeroDivisionError)
        workers.enter()
        workers.leave()


def test_work_that_is_given_up_before_its_turn_gives_its_place_back_at_once() -> None:
    workers, going_on = Workers(concurrency=1, queue=1), Event()
    workers.enter()
    first = workers.submit(lambda: going_on.wait(LONG))
    workers.enter()
    second = workers.submit(lambda: True)
    assert workers.free == 0
    assert second.cancel()
    assert workers.free == 1
    going_on.set()
    assert first.result(LONG)


def test_no_more_work_is_done_at_once_than_may_be() -> None:
    workers, begun, going_on = Workers(concurrency=2, queue=2), [Event() for _ in range(3)], Event()

    def work(number: int) -> bool:
        begun[number].set()
        return going_on.wait(LONG)

    for _ in begun:
        workers.enter()
    futures = [workers.submit(lambda number=number: work(number)) for number in range(3)]  # type: ignore[misc]
    assert begun[0].wait(LONG)
    assert begun[1].wait(LONG)
    assert not begun[2].is_set()
    going_on.set()
    assert all(future.result(LONG) for future in futures)


def test_after_the_end_what_waits_is_not_begun() -> None:
    workers, going_on = Workers(concurrency=1, queue=1), Event()
    workers.enter()
    first = workers.submit(lambda: going_on.wait(LONG))
    workers.enter()
    second = workers.submit(lambda: True)
    workers.close()
    with pytest.raises(CancelledError):
        second.result(LONG)
    going_on.set()
    assert first.result(LONG)


def test_places_are_counted_right_from_many_threads() -> None:
    workers = Workers(concurrency=4, queue=4)

    def coming_and_going() -> None:
        for _ in range(2_000):
            try:
                workers.enter()
            except Full:
                continue
            workers.leave()

    threads = [Thread(target=coming_and_going) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert workers.free == 8


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), OutOfMemory),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), OutOfMemory),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"), OutOfMemory),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), RuntimeError),
        (ValueError("out of memory"), ValueError),
    ],
)
def test_only_want_of_memory_is_told_as_such(error: Exception, told: type[Exception]) -> None:
    def work() -> None:
        raise error

    with pytest.raises(told) as raised:
        guarded(work)
    assert raised.type is told
