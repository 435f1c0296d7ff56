"""Several processes on one port: they add up, are replaced, and end together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.held import Held
from api.problems import FORWARD, OUTPUTS, padded
from api.scraping import Scrape, scrape
from live_service import AT_A_TERMINAL, SERVE, LiveService, live_service
from waiting import SOON, until

pytestmark = pytest.mark.slow


def running(service: LiveService) -> set[int]:
    """The processes that serve, as the operating system tells."""
    return {pid for child in children(service.process.pid) for pid in children(child)}


def children(pid: int) -> list[int]:
    """Of one that has ended meanwhile, none."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def fresh_scrape(service: LiveService) -> Scrape:
    """Over a connection of its own, which any of the processes may take."""
    with service.client() as client:
        return scrape(client)


def told(service: LiveService) -> int:
    """How many processes tell of themselves."""
    return sum(name == "process_resident_memory_bytes" for name, _ in fresh_scrape(service).samples)


@pytest.fixture
def two(log: Path) -> Iterator[LiveService]:
    with live_service(log, processes=2, drain_notice=0) as service:
        until(lambda: told(service) == 2)
        yield service


class Caller(threading.Thread):
    """Posts one request after another, each on a connection of its own, and again where that was cut."""

    def __init__(self, service: LiveService) -> None:
        super().__init__()
        self.url = f"{service.url}/v1/forward"
        self.answers: list[Any] = []
        self.retried = 0
        self.enough = threading.Event()

    def run(self) -> None:
        while not self.enough.is_set():
            try:
                self.answers.append(httpx.post(self.url, json=FORWARD, timeout=SOON).json()["outputs"])
            except httpx.TransportError:
                self.retried += 1


def test_whichever_process_is_asked_tells_of_all(two: LiveService) -> None:
    for _ in range(40):
        assert httpx.post(f"{two.url}/v1/forward", json=FORWARD).json()["outputs"] == OUTPUTS
    for _ in range(10):
        until(lambda: fresh_scrape(two)("chainrule_requests_total", operation="forward", status="2xx") == 40)


def test_a_killed_process_is_replaced_and_the_others_go_on(two: LiveService) -> None:
    first = running(two)
    assert len(first) == 2
    callers = [Caller(two) for _ in range(3)]
    for caller in callers:
        caller.start()
    until(lambda: sum(len(caller.answers) for caller in callers) > 60, "answers")
    victim = min(first)
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(running(two)) == 2 and victim not in running(two))
    until(lambda: told(two) == 2)
    for caller in callers:
        caller.enough.set()
        caller.join()
    answers = [answer for caller in callers for answer in caller.answers]
    assert answers.count(OUTPUTS) == len(answers) > 0
    until(lambda: fresh_scrape(two)("chainrule_in_flight_requests") == 1)  # all that was answered is counted
    counted = fresh_scrape(two)("chainrule_requests_total", operation="forward", status="2xx")
    retried = sum(caller.retried for caller in callers)
    # What the victim had counted is still there; between an answer and its count it may have been killed.
    assert len(answers) - 1 <= counted <= len(answers) + retried


def test_what_forks_the_processes_may_be_killed_too(two: LiveService) -> None:
    first = running(two)
    for child in children(two.process.pid):
        if children(child):
            os.kill(child, signal.SIGKILL)
    until(lambda: len(running(two)) == 2 and not first & running(two))
    until(lambda: told(two) == 2)
    assert httpx.post(f"{two.url}/v1/forward", json=FORWARD).json()["outputs"] == OUTPUTS


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("to_all", [False, True], ids=["to the first", "to every process"])
def test_a_signal_to_end_drains_them_all(to_all: bool, sig: signal.Signals, log: Path) -> None:
    with live_service(log, AT_A_TERMINAL, processes=2, drain_notice=0, drain_seconds=600) as service:
        until(lambda: told(service) == 2)
        held = [Held(service, padded(FORWARD, 40_000)) for _ in range(8)]
        for pid in [*children(service.process.pid), *running(service)] if to_all else []:
            os.kill(pid, sig)
        service.terminate(sig)
        until(service.refuses)
        for each in held:
            status, _, body = each.finish()
            assert (status, body["outputs"]) == (200, OUTPUTS)
        assert service.process.wait(SOON) == 0
    assert "traceback" not in log.read_text()
    assert log.read_text().count("Finished server process") == 2


def test_without_the_one_that_supervises_they_end(two: LiveService) -> None:
    left = running(two)
    two.process.kill()
    two.process.wait(SOON)
    until(lambda: not any(alive(pid) for pid in left))


def alive(pid: int) -> bool:
    """Not a zombie either, which nobody may be there to bury."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_no_folder_has_to_be_writable_but_that_of_shared_memory(log: Path) -> None:
    code = "import tempfile; tempfile._candidate_tempdir_list = list; from chainrule.api.server import serve; serve()"
    with live_service(log, (sys.executable, "-c", code), processes=2, drain_notice=0) as service:
        until(lambda: told(service) == 2)


def test_an_address_that_is_taken_is_told_and_so_is_a_folder_that_is_not_there(log: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert ends(port=port) == 3
    assert ends(port=0, problems=tmp_path / "nothing") == 2


def ends(**settings: object) -> int:
    chosen = {f"CHAINRULE_{name.upper()}": str(value) for name, value in {"processes": 2, **settings}.items()}
    return subprocess.run(
        SERVE, env={**os.environ, **chosen}, capture_output=True, timeout=SOON, check=False
    ).returncode
