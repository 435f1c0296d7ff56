"""Training as server-sent events: progress, then the reply, or what went wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.in_process import InProcess
from api.problems import FORWARD, SOUND
from live_service import live_service
from problem_documents import assert_problem
from waiting import SOON, until

EVENTS = {"Accept": "text/event-stream", "Content-Type": "application/json"}
TRAIN = {**SOUND, "steps": 20, "learning_rate": 0.01, "record": 10}
ROWS = {"inputs": [[1.0, -1.0]] * 20_000, "targets": [[1.0]] * 20_000}
LONG = {**SOUND, **ROWS, "steps": 100_000, "learning_rate": 1e-9, "record": 0}
"""Takes tens of seconds."""
ROOM = {"max_calls": 10**9, "max_flops": 10**18}
LEAVES_ITS_DOMAIN = {
    "network": {"layers": [{"op": "linear", "weight": [[1.0]]}, {"op": "identity", "name": "i"}, {"op": "sqrt"}]},
    "inputs": [[1.0]],
    "upstream": [[1.0]],
    "steps": 100_000,
    "learning_rate": 1e-4,
    "record": 0,
}
"""By about 10 000 steps the weight is below 0."""


def events(lines: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """The events of a stream, each by its name."""
    name = ""
    for line in lines:
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


@pytest.fixture(scope="module")
def roomy() -> InProcess:
    return InProcess(**ROOM)


def test_progress_comes_first_and_the_reply_last(in_process: InProcess) -> None:
    streamed = in_process.post("/v1/train", json=TRAIN, headers=EVENTS)
    assert streamed.status_code == 200
    assert streamed.headers["content-type"] == "text/event-stream"
    assert streamed.headers["cache-control"] == "no-store"
    assert streamed.headers["x-request-id"]
    *progress, (last, reply) = events(streamed.text.splitlines())
    assert last == "reply"
    assert reply == in_process.post("/v1/train", json=TRAIN).json()
    assert progress
    for name, told in progress:
        assert name == "progress"
        assert told["steps"] == 20
        assert told["loss"] == reply["losses"][told["step"] - 1]


def test_progress_is_told_now_and_then(roomy: InProcess) -> None:
    steps = {**SOUND, "steps": 8_000, "learning_rate": 1e-6, "record": 0}
    told = list(events(roomy.post("/v1/train", json=steps, headers=EVENTS).text.splitlines()))
    numbers = [each["step"] for name, each in told if name == "progress"]
    assert 2 <= len(numbers) < 1_000
    assert numbers == sorted(set(numbers))


def test_what_is_wrong_with_a_request_has_its_own_status(in_process: InProcess) -> None:
    problem = assert_problem(in_process.post("/v1/train", json={**TRAIN, "steps": 0}, headers=EVENTS), 422)
    assert problem.errors is not None
    assert problem.errors[0].pointer == "/steps"
    assert_problem(in_process.post("/v1/train", content=b"{", headers=EVENTS), 400)
    assert_problem(in_process.post("/v1/train", content=b"{}", headers={"Accept": "text/event-stream"}), 415)


def test_what_goes_wrong_later_is_the_last_event(roomy: InProcess) -> None:
    streamed = roomy.post("/v1/train", json=LEAVES_ITS_DOMAIN, headers={**EVENTS, "X-Request-ID": "mine"})
    *_, (name, problem) = events(streamed.text.splitlines())
    assert (name, problem["status"], problem["request_id"]) == ("problem", 422, "mine")
    assert problem["detail"].startswith("/network/layers/2: at step ")
    assert problem["errors"][0]["pointer"] == "/network/layers/2"


def test_the_deadline_holds(roomy: InProcess) -> None:
    assert roomy.post("/v1/train", json=TRAIN).status_code == 200  # what is loaded at the first is there
    started = time.monotonic()
    streamed = roomy.post("/v1/train", json=LONG, headers={**EVENTS, "X-Request-Timeout": "2"})
    assert time.monotonic() - started < SOON
    *_, (name, problem) = events(streamed.text.splitlines())
    assert (name, problem["status"]) == ("problem", 408)


def test_a_caller_that_hangs_up_gives_its_place_back(tmp_path: Path) -> None:
    with live_service(tmp_path / "log", concurrency=1, queue=0, **ROOM) as service:
        with service.client() as client, client.stream("POST", "/v1/train", json=LONG, headers=EVENTS) as streamed:
            told = events(streamed.iter_lines())
            assert next(told)[0] == "progress"
            assert_problem(httpx.post(f"{service.url}/v1/train", json=LONG), 429)
            assert next(told)[0] == "progress"
        quick = {**EVENTS, "X-Request-Timeout": "20"}
        until(lambda: httpx.post(f"{service.url}/v1/train", json=TRAIN, headers=quick).status_code != 429, "place")
        assert "traceback" not in service.log.read_text()


def test_what_takes_no_steps_is_answered_in_json(in_process: InProcess) -> None:
    reply = in_process.post("/v1/forward", json=FORWARD, headers=EVENTS)
    assert reply.headers["content-type"] == "application/json"
    assert "outputs" in reply.json()
