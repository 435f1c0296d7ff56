"""SIGKILL of processes under load: callers that try again get every answer, and the right one."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest

from chainrule_client import Client, Retries
from client.classes.submissions import PROBLEM, submissions
from faults.regression import Regression
from live_service import LiveService, live_service

pytestmark = pytest.mark.slow

KILLS = 4
STEPS = 400


class Calls(Thread):
    """Calls of one kind, one after another until told otherwise. `wrong` says what was not as it should be."""

    def __init__(self, url: str, call: Callable[[Client, int], bool], killed: Event) -> None:
        super().__init__()
        self._url, self._call, self._killed = url, call, killed
        self.answered = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        seed = 0
        with Client(self._url, retries=Retries(limit=8)) as client:
            while not self._killed.is_set() or not self.answered:
                seed += 1
                try:
                    right = self._call(client, seed)
                except Exception as error:
                    self.wrong.append(repr(error))
                    return
                self.answered += 1
                if not right:
                    self.wrong.append(f"seed {seed}")


def small(client: Client, seed: int) -> bool:
    asked = Regression(seed)
    return asked.is_answered_by(client.gradients(**asked.request()).raw)


def large(client: Client, seed: int) -> bool:
    asked = Regression(seed, rows=3000)
    return asked.is_answered_by(client.gradients(**asked.request()).raw)


def watched(client: Client, seed: int) -> bool:
    asked = Regression(seed)
    return asked.is_trained_by(client.train(**asked.training(STEPS), watch=lambda _: None).raw, STEPS)


def graded(client: Client, seed: int) -> bool:
    given = submissions(150)
    found = client.grade_many(given, PROBLEM)
    return [each.id for each in found] == [each["id"] for each in given] and all(
        each.report is not None or (each.error is not None and each.error.status == 422) for each in found
    )


def serving(service: LiveService) -> list[int]:
    """The processes that answer: the supervisor's grandchildren."""
    return [pid for child in _children(service.process.pid) for pid in _children(child)]


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def test_a_retrying_client_notices_nothing(tmp_path: Path) -> None:
    moments, over = random.Random(5), Event()
    with live_service(tmp_path / "log", processes=2, queue=64) as service:
        calls = [Calls(service.url, call, over) for call in (small, small, large, watched, graded)]
        for each in calls:
            each.start()
        killed: set[int] = set()
        while len(killed) < KILLS:
            time.sleep(moments.uniform(0.2, 1.0))
            fresh = [pid for pid in serving(service) if pid not in killed]
            if fresh:
                victim = moments.choice(fresh)
                killed.add(victim)
                os.kill(victim, signal.SIGKILL)
        over.set()
        for each in calls:
            each.join(60)
        assert [each.wrong for each in calls] == [[]] * len(calls)
        assert all(each.answered for each in calls)
        assert httpx.get(f"{service.url}/livez").status_code == 200
        assert service.process.poll() is None
