"""A bucket of tokens a key."""

from __future__ import annotations

from threading import Thread

from chainrule.api.rates import Rates


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_and_then_a_steady_rate() -> None:
    clock = Clock()
    rates = Rates(2.0, 3, clock)
    assert [rates.take(b"key") for _ in range(3)] == [0, 0, 0]
    assert [rates.take(b"key") for _ in range(2)] == [0.5, 0.5], "what is refused is not counted"
    clock.now += 0.5
    assert [rates.take(b"key") for _ in range(2)] == [0, 0.5]
    clock.now += 1e6
    assert [rates.take(b"key") for _ in range(4)] == [0, 0, 0, 0.5]


def test_keys_are_counted_apart_and_some_are_not() -> None:
    rates = Rates(1.0, 1, Clock())
    assert [rates.take(key) for key in (b"a", b"b", b"a")] == [0, 0, 1]
    assert [rates.take(None) for _ in range(5)] == [0] * 5
    assert [Rates(0, 1, Clock()).take(b"a") for _ in range(5)] == [0] * 5


def test_threads_share_a_bucket() -> None:
    rates = Rates(1e-9, 50, Clock())
    granted: list[bool] = []
    threads = [Thread(target=lambda: granted.extend(rates.take(b"a") == 0 for _ in range(25))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(granted) == 50
