"""Which processes are replaced, when, and what is made of their ends."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from typing import Any

import pytest

from chainrule.api import supervisor
from chainrule.api.supervisor import Supervisor
from chainrule.api.tally import BEAT, Tally

FORK = get_context("fork")


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Whatever a test does to the handling of signals, is undone."""
    before = {sig: signal.getsignal(sig) for sig in (signal.SIGTERM, signal.SIGINT)}
    yield
    for sig, handler in before.items():
        signal.signal(sig, handler)


class Started:
    """Starts processes that do `target`, and asks for an end instead of the one after `most`."""

    def __init__(self, target: Callable[..., Any], *args: Any, most: int = 100) -> None:
        self.target, self.args, self.most = target, args, most
        self.times: list[float] = []
        self.processes: list[BaseProcess] = []

    def __call__(self, number: int) -> BaseProcess:
        self.times.append(time.monotonic())
        if len(self.times) >= self.most:
            os.kill(os.getpid(), signal.SIGTERM)
        process = FORK.Process(target=_alone, args=(self.target, *self.args))
        process.start()
        self.processes.append(process)
        return process


def _alone(target: Callable[..., Any], *args: Any) -> None:
    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, signal.SIG_DFL)
    target(*args)


def supervised(start: Started, tally: Tally, patience: float = 30) -> int:
    return Supervisor(start, tally, socket.socket(), patience).run()


def test_processes_that_cannot_start_end_it_with_their_code(caplog: pytest.LogCaptureFixture) -> None:
    started = Started(os._exit, 3)
    assert supervised(started, Tally(8, 2)) == 3
    assert len(started.times) == 2
    assert "replaced" not in caplog.text


def test_once_one_has_served_they_are_tried_again() -> None:
    tally = Tally(8)
    started = Started(_beat, tally, most=3)
    assert supervised(started, tally) == 0
    assert len(started.times) == 3


def _beat(tally: Tally) -> None:
    tally.row(0)[BEAT] = time.monotonic()
    time.sleep(0.5)
    os._exit(3)


@pytest.mark.parametrize("error", [EOFError(), BlockingIOError(11, "Resource temporarily unavailable")])
def test_one_that_cannot_be_started_just_now_is_started_later(error: Exception) -> None:
    started = Started(_stand_still, tally := Tally(8, 2), most=2)
    failing = iter([None, error])

    def start(number: int) -> BaseProcess:
        if failed := next(failing, None):
            raise failed
        return started(number)

    assert Supervisor(start, tally, socket.socket(), 30).run() == 0
    assert len(started.times) == 2


def test_what_ends_again_and_again_is_replaced_after_longer_and_longer_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "TICK", 0.01)
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.2)
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE", 0.7)
    started = Started(os._exit, 1, most=6)
    assert supervised(started, Tally(8)) == 0
    pauses = [after - before for before, after in zip(started.times, started.times[1:], strict=False)]
    for pause, least in zip(pauses, [0.0, 0.2, 0.4, 0.7, 0.7], strict=True):
        assert pause >= least


def test_one_whose_loop_stands_still_is_killed_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STUCK", 0.2)
    tally = Tally(8)
    started = Started(_stand_still, tally, most=2)
    supervised(started, tally)
    assert started.processes[0].exitcode == -signal.SIGKILL


def _stand_still(tally: Tally) -> None:
    tally.row(0)[BEAT] = time.monotonic()
    time.sleep(600)


def test_one_that_does_not_end_is_killed_and_the_code_says_so() -> None:
    tally = Tally(8)
    started = Started(_do_not_end, tally)

    def when_deaf(number: int) -> BaseProcess:
        process = started(number)
        while not tally.row(0)[BEAT]:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)
        return process

    assert Supervisor(when_deaf, tally, socket.socket(), 0.3).run() == 1
    assert started.processes[0].exitcode == -signal.SIGKILL


def _do_not_end(tally: Tally) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _stand_still(tally)
