"""The order in which work of several callers is done, against what fair shares would be."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from chainrule.api.fair_queue import FairQueue, wait_behind


@dataclass(eq=False)
class Work:
    caller: str
    seconds: float
    tag: float = 0.0


Drawn = st.lists(st.tuples(st.sampled_from("abc"), st.floats(0.001, 5.0)), min_size=1, max_size=30)


def filled(drawn: list[tuple[str, float]]) -> tuple[FairQueue[Work], list[Work]]:
    queue: FairQueue[Work] = FairQueue()
    works = [Work(*each) for each in drawn]
    for work in works:
        queue.add(work)
    return queue, works


def emptied(queue: FairQueue[Work]) -> list[Work]:
    return [queue.pop() for _ in range(len(queue))]


@given(Drawn)
def test_all_is_done_once_and_each_callers_work_in_order(drawn: list[tuple[str, float]]) -> None:
    queue, works = filled(drawn)
    done = emptied(queue)
    assert sorted(map(id, done)) == sorted(map(id, works))
    for caller in "abc":
        assert [w for w in done if w.caller == caller] == [w for w in works if w.caller == caller]


@given(Drawn)
def test_two_that_both_have_work_get_the_same_time_to_within_their_longest(drawn: list[tuple[str, float]]) -> None:
    queue, works = filled(drawn)
    done, longest = emptied(queue), max(work.seconds for work in works)
    last = [max((i for i, work in enumerate(done) if work.caller == caller), default=-1) for caller in "ab"]
    for stop in range(min(last) + 1):
        shares = [sum(work.seconds for work in done[:stop] if work.caller == caller) for caller in "ab"]
        assert abs(shares[0] - shares[1]) <= 2 * longest + 1e-9


@given(Drawn, st.sampled_from("abcd"), st.floats(0.001, 5.0))
def test_what_is_said_to_go_before_does(drawn: list[tuple[str, float]], caller: str, seconds: float) -> None:
    queue, _ = filled(drawn)
    ahead = queue.ahead(caller, seconds)
    new = Work(caller, seconds)
    queue.add(new)
    done = emptied(queue)
    assert [w.seconds for w in done[: done.index(new)]] == ahead


def test_a_caller_that_comes_late_has_no_claim_to_the_past() -> None:
    queue, _ = filled([("a", 1.0)] * 10)
    for _ in range(5):
        queue.pop()
    for _ in range(5):
        queue.add(Work("b", 1.0))
    assert [work.caller for work in emptied(queue)] == list("ababababab")


def test_the_wait_is_that_of_the_first_thread_to_be_free() -> None:
    assert wait_behind([0.0, 5.0], []) == 0.0
    assert wait_behind([2.0, 5.0], []) == 2.0
    assert wait_behind([2.0, 5.0], [1.0, 1.0, 4.0]) == 5.0, "two after the first, and then the second is free"
