"""When a call is tried again, on a clock that tests turn."""

from datetime import UTC, datetime, timedelta

import pytest

from chainrule_client import Retries
from chainrule_client.retries import seconds_to_wait


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def largest(low, high):
    assert low == 0.0
    return high


def test_waits_double_up_to_the_longest_and_then_end():
    attempts = Retries(limit=6, first_wait=0.5, longest_wait=4.0, uniform=largest).begin()
    assert [attempts.next_wait() for _ in range(7)] == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0, None]


def test_the_jitter_is_full():
    waits = [Retries(limit=1, first_wait=1.0).begin().next_wait() for _ in range(300)]
    assert min(waits) < 0.1
    assert max(waits) > 0.9
    assert all(0.0 <= wait <= 1.0 for wait in waits)


def test_no_retries_when_the_limit_is_zero():
    assert Retries(limit=0).begin().next_wait() is None


def test_the_time_asked_for_is_waited_out_and_the_jitter_comes_on_top():
    attempts = Retries(first_wait=0.5, uniform=largest).begin()
    assert attempts.next_wait(retry_after=3.0) == 3.5


def test_a_time_asked_for_beyond_the_longest_is_not_waited_for():
    assert Retries(longest_retry_after=60.0).begin().next_wait(retry_after=61.0) is None


def test_nothing_is_waited_for_past_the_deadline():
    clock = Clock()
    attempts = Retries(limit=5, first_wait=2.0, longest_wait=2.0, deadline=5.0, clock=clock, uniform=largest).begin()
    assert attempts.remaining() == 5.0
    assert attempts.next_wait() == 2.0
    clock.now += 2.0
    assert attempts.remaining() == 3.0
    clock.now += 1.0
    assert attempts.next_wait() is None
    clock.now += 10.0
    assert attempts.remaining() == 0.0


def test_a_time_asked_for_past_the_deadline_is_given_up_at_once():
    assert Retries(deadline=5.0, uniform=largest).begin().next_wait(retry_after=5.0) is None


def test_a_great_many_retries_do_not_overflow():
    attempts = Retries(limit=5000, uniform=largest).begin()
    assert {attempts.next_wait() for _ in range(5000)} == {0.5, 1.0, 2.0, 4.0, 8.0}


NOW = datetime(2030, 1, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        (" 120 ", 120.0),
        ("Tue, 01 Jan 2030 12:00:30 GMT", 30.0),
        ("Tue, 01 Jan 2030 11:00:00 GMT", 0.0),
        ("Tuesday, 01-Jan-30 12:00:30 GMT", 30.0),
        ("soon", None),
        ("-3", None),
        ("", None),
        ("Tue, 01 Jan 2030 12:00:30 +99999999999999", None),
        ("٣", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header, seconds):
    assert seconds_to_wait(header, NOW) == seconds


def test_a_date_is_measured_against_the_real_clock_by_default():
    before = datetime.now(UTC)
    later = (before + timedelta(seconds=100)).replace(microsecond=0)
    found = seconds_to_wait(later.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    assert (later - datetime.now(UTC)).total_seconds() <= found <= (later - before).total_seconds()
