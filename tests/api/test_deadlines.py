"""A caller's patience: X-Request-Timeout, and the service's own deadline."""

from __future__ import annotations

import time

import pytest

from api.held import Held
from api.in_process import JSON, InProcess
from api.problems import FORWARD, OUTPUTS, UNLIMITED, endless, padded
from live_service import LiveService
from problem_documents import assert_problem
from waiting import SOON, until


@pytest.mark.parametrize(
    "given", ["-1", "-0.001", "nan", "inf", "-inf", "1e999", "soon", "", "1 s", "0x10", "1,5", "1_000"]
)
def test_what_is_no_number_of_seconds_is_400(given: str, in_process: InProcess) -> None:
    reply = in_process.post("/v1/forward", json=FORWARD, headers={"X-Request-Timeout": given})
    problem = assert_problem(reply, 400)
    assert "X-Request-Timeout" in problem.detail


@pytest.mark.parametrize("given", ["60", "60.5", "6e1", "1000000"])
def test_a_request_within_its_time_is_answered(given: str, in_process: InProcess) -> None:
    reply = in_process.post("/v1/forward", json=FORWARD, headers={"X-Request-Timeout": given})
    assert reply.json()["outputs"] == OUTPUTS


@pytest.mark.parametrize("given", ["0", "0.000", "-0"])
@pytest.mark.parametrize("length", [1_000, 40_000])
def test_no_time_at_all_is_408_and_does_not_blame_the_body(given: str, length: int, in_process: InProcess) -> None:
    body = padded(FORWARD, length)
    reply = in_process.post("/v1/forward", content=body, headers={**JSON, "X-Request-Timeout": given})
    problem = assert_problem(reply, 408)
    assert problem.detail == "X-Request-Timeout is 0 seconds, which leaves no time to answer: allow more"


def test_an_answer_that_takes_longer_is_given_up_with_408() -> None:
    service = InProcess(concurrency=1, queue=0, **UNLIMITED)
    started = time.monotonic()
    reply = service.post("/v1/forward", content=endless(), headers={**JSON, "X-Request-Timeout": "0.5"})
    assert time.monotonic() - started < SOON
    problem = assert_problem(reply, 408)
    assert "0.5 seconds" in problem.detail
    assert problem.type == "urn:chainrule:problem:request-timeout"


def test_the_deadline_of_the_service_holds_where_the_caller_would_wait_longer() -> None:
    service = InProcess(deadline=0.5, **UNLIMITED)
    for headers in (JSON, {**JSON, "X-Request-Timeout": "3600"}):
        problem = assert_problem(service.post("/v1/forward", content=endless(), headers=headers), 408)
        assert "0.5 seconds" in problem.detail


def test_the_computation_that_was_given_up_gives_its_place_back() -> None:
    service = InProcess(concurrency=1, queue=0, deadline=0.5, **UNLIMITED)
    assert service.app.workers.free == 1
    service.post("/v1/forward", content=endless(), headers=JSON)
    until(lambda: service.app.workers.free == 1)


@pytest.mark.parametrize("length", [1_000, 40_000])
def test_a_body_that_does_not_come_in_time_is_408_and_ends_the_connection(length: int, small: LiveService) -> None:
    with Held(small, padded(FORWARD, length), X_Request_Timeout="0.2") as held:
        status, headers, body = held.answer()
    assert (status, body["status"]) == (408, 408)
    assert headers["Connection"] == "close"
    assert headers["Content-Type"] == "application/problem+json"
