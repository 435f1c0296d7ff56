"""Batches over connections: answered as they come, whoever hangs up, does not read or has too many."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import takewhile
from pathlib import Path

import httpx
import pytest

from api.batches import NDJSON, OpenBatch, item
from api.problems import FORWARD, SOUND, UNLIMITED, endless
from api.scraping import scrape
from live_service import LiveService, live_service
from problem_documents import assert_problem
from waiting import SOON, until


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    log = tmp_path_factory.mktemp("batch") / "log"
    with live_service(log, body_seconds=600, batches=4, deadline=5, **UNLIMITED) as service:
        yield service
        assert "traceback" not in log.read_text()


def test_items_are_answered_while_the_body_is_being_sent(live: LiveService) -> None:
    with OpenBatch(live) as batch:
        lines = batch.lines()
        for number in range(5):
            batch.send_items(item(number))
            assert next(lines)["id"] == number
        text = json.dumps(item("cut")).encode() + b"\n"
        batch.send(text[:20])
        batch.send(text[20:] + text[:-1])
        assert [next(lines)["id"]] == ["cut"]
        batch.end()
        assert [line["id"] for line in lines] == ["cut"]


def taken(batch: OpenBatch, text: bytes) -> bool:
    """Whether the service reads the text, or the system has room for it. In the end it hangs up."""
    try:
        batch.send(text)
    except (TimeoutError, ConnectionError):
        return False
    return True


def test_a_caller_that_does_not_read_is_not_read_from(live: LiveService) -> None:
    big = item(0, {"network": {"layers": [{"op": "tanh"}]}, "inputs": [[0.123456789] * 3_000] * 20, "backend": "numpy"})
    text = json.dumps(big).encode() + b"\n"
    before = live.memory()
    with OpenBatch(live, buffer=1 << 16) as batch:
        batch.socket.settimeout(2)
        sent = list(takewhile(lambda _: taken(batch, text), range(400)))
        assert len(sent) < 200
        assert live.memory() - before < 150 << 20
        with live.client() as client:  # and nobody else is held up
            assert client.post("/v1/forward", json=FORWARD).status_code == 200


def test_one_that_reads_gets_as_much_as_it_likes_in_bounded_memory(live: LiveService) -> None:
    request = {"network": {"layers": [{"op": "tanh"}]}, "inputs": [[0.123456789] * 3_000] * 20, "backend": "numpy"}
    text = b"".join(json.dumps(item(number, request)).encode() + b"\n" for number in range(4))
    before = live.memory()

    def send() -> None:
        for _ in range(50):
            batch.send(text)
        batch.end()

    with OpenBatch(live) as batch, ThreadPoolExecutor(1) as beside:
        sending = beside.submit(send)
        count = sum(1 for _ in batch.lines())
        sending.result()
    assert count == 200
    assert live.memory() - before < 150 << 20


@contextmanager
def all_batches(live: LiveService) -> Iterator[None]:
    """Every place for a batch is taken, once the places of batches before are free; afterwards they are free again."""
    with ExitStack() as held:
        got: list[OpenBatch] = []

        def has_all() -> bool:
            batch = held.enter_context(OpenBatch(live))
            if batch.status == 200:
                got.append(batch)
            return len(got) == 4

        until(has_all)
        yield

    with live.client() as client:
        until(lambda: scrape(client)("chainrule_in_flight_requests") == 1)  # the one that asks


def test_as_many_batches_as_may_be_and_one_more_is_told_so(live: LiveService) -> None:
    with all_batches(live), live.client() as client:
        refused = client.post("/v1/batch", content=b"", headers=NDJSON)
        assert_problem(refused, 429)
        assert refused.headers["Retry-After"] == "1"
    with all_batches(live):
        pass


def test_when_the_caller_hangs_up_the_work_stops(live: LiveService) -> None:
    with OpenBatch(live) as batch:
        batch.send_items(item("quick"))
        assert next(batch.lines())["id"] == "quick"
        batch.send(b'{"id": 1, "operation": "forward", "request": %b}\n' % endless())
    started = time.monotonic()
    with all_batches(live), live.client() as client:  # every thread is free again: this needs one
        slow = client.post(
            "/v1/forward", content=json.dumps(FORWARD).ljust(40_000), headers={"Content-Type": "application/json"}
        )
        assert slow.status_code == 200
    assert time.monotonic() - started < SOON


def test_each_item_has_the_time_that_the_caller_allows(live: LiveService) -> None:
    with OpenBatch(live, X_Request_Timeout="1") as batch:
        batch.send(b'{"id": 1, "operation": "forward", "request": %b}\n' % endless())
        batch.send_items(item(2))
        batch.end()
        assert [(line["id"], line["status"]) for line in batch.lines()] == [(1, 408), (2, 200)]


def test_a_batch_on_which_nothing_comes_ends(log: Path) -> None:
    with live_service(log, body_seconds=2) as service, OpenBatch(service) as batch:
        batch.send_items(item(1))
        batch.send(b'{"id": 2')
        lines = list(batch.lines())
        assert [(line["id"], line["status"]) for line in lines] == [(1, 200), (None, 408)]


def test_at_the_end_what_was_read_is_answered_and_the_rest_is_told_to_come_again(log: Path) -> None:
    with live_service(log, drain_notice=0, drain_seconds=600) as service, OpenBatch(service) as batch:
        lines = batch.lines()
        batch.send_items(item("before"))
        assert next(lines)["status"] == 200
        service.terminate()
        until(service.refuses)
        batch.send_items(item("after"), item("later"))
        told = list(lines)
        assert [(line["id"], line["status"]) for line in told] == [("after", 503), ("later", 503)]
        assert service.process.wait(SOON) == 0
    assert "traceback" not in log.read_text()


def test_an_item_that_does_not_end_in_time_is_told_so_and_so_are_those_behind_it(log: Path) -> None:
    with live_service(log, drain_notice=0, drain_seconds=1, **UNLIMITED) as service, OpenBatch(service) as batch:
        lines = batch.lines()
        batch.send_items(item("before"))
        assert next(lines)["status"] == 200
        batch.send(b'{"id": "slow", "operation": "forward", "request": %b}\n' % endless())
        batch.send_items(*(item(number) for number in range(1_000)))
        time.sleep(0.5)
        service.terminate()
        assert [(line["id"], line["status"]) for line in lines] == [(id, 503) for id in ("slow", *range(1_000))]
        assert service.process.wait(SOON) == 0


def test_a_thousand_submissions_are_planned_once(live: LiveService) -> None:
    problem = {**SOUND, "answers": {"loss": 1.0, "gradients": {"W1": [[1.0, 2.0]]}}}
    body = "\n".join(json.dumps(item(number, problem, "grade")) for number in range(1_000))
    with live.client() as client:
        reply: httpx.Response = client.post("/v1/batch", content=body, headers=NDJSON)
    found = [json.loads(line) for line in reply.text.splitlines()]
    assert [each["id"] for each in found] == list(range(1_000))
    assert {each["status"] for each in found} == {200}
