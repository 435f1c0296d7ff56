"""The end: SIGTERM lets what is in flight finish, tells others to go elsewhere, and ends the process well."""

from __future__ import annotations

import json
import signal
import sys
from itertools import count
from pathlib import Path

import httpx
import pytest

from api.held import Held
from api.problems import FORWARD, OUTPUTS, SOUND, UNLIMITED, endless, padded
from live_service import AT_A_TERMINAL, SERVE, live_service
from problem_documents import assert_problem
from waiting import SOON, until


def test_requests_in_flight_are_finished(log: Path) -> None:
    with (
        live_service(log, drain_notice=0, drain_seconds=600) as service,
        Held(service, padded(FORWARD, 1_000)) as small,
        Held(service, padded(FORWARD, 40_000)) as large,
    ):
        service.terminate()
        until(service.refuses)
        assert not small.answered
        assert not large.answered
        for held in (small, large):
            status, _, body = held.finish()
            assert (status, body["outputs"]) == (200, OUTPUTS)
        assert service.process.wait(SOON) == 0
    assert "traceback" not in log.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="another process's limits are set by Linux alone")
def test_requests_in_flight_are_finished_where_no_file_can_be_opened_any_more(log: Path) -> None:
    from resource import RLIMIT_NOFILE, prlimit

    with (
        live_service(log, drain_notice=0, drain_seconds=600) as service,
        Held(service, padded(FORWARD, 1_000)) as held,
    ):
        used = {int(path.name) for path in Path(f"/proc/{service.process.pid}/fd").iterdir()}
        least = next(number for number in count() if number not in used)
        prlimit(service.process.pid, RLIMIT_NOFILE, (least, least))
        service.terminate()
        until(service.refuses)
        status, _, body = held.finish()
        assert (status, body["outputs"]) == (200, OUTPUTS)
        assert service.process.wait(SOON) == 0


def test_for_a_while_the_service_is_unready_and_still_answers(log: Path) -> None:
    with live_service(log, drain_notice=600, retry_after=5) as service:
        with service.client() as client, Held(service, padded(FORWARD, 1_000)) as held:
            assert client.get("/readyz").json() == {"status": "ok"}
            service.terminate()
            until(lambda: client.get("/readyz").status_code == 503)
            unready = client.get("/readyz")
            assert_problem(unready, 503)
            assert unready.headers["Retry-After"] == "5"
            assert client.get("/livez").status_code == 200
            # Both on a connection that was there, and on a new one.
            for post in (client.post, httpx.post):
                answered = post(f"{service.url}/v1/forward", json=FORWARD)
                assert answered.json()["outputs"] == OUTPUTS
                assert answered.headers["Connection"] == "close"
            assert held.finish().status == 200
        assert service.process.poll() is None


def test_the_notice_ends_by_itself(log: Path) -> None:
    with live_service(log, drain_notice=0.5) as service:
        service.terminate()
        assert service.process.wait(SOON) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="its terminals send no signal")
def test_a_terminal_that_closes_ends_it_in_order_and_not_at_all_under_nohup(log: Path) -> None:
    with (
        live_service(log, AT_A_TERMINAL, drain_notice=0, drain_seconds=600) as service,
        Held(service, padded(FORWARD, 1_000)) as held,
    ):
        service.terminate(signal.SIGHUP)
        until(service.refuses)
        assert held.finish().status == 200
        assert service.process.wait(SOON) == 0
    with live_service(log, ("nohup", *SERVE), drain_notice=0) as service:
        service.terminate(signal.SIGHUP)
        assert httpx.post(f"{service.url}/v1/forward", json=FORWARD).json()["outputs"] == OUTPUTS
        service.terminate()
        assert service.process.wait(SOON) == 0


def test_sigint_does_not_wait_for_the_notice(log: Path) -> None:
    with live_service(log, drain_notice=600) as service:
        service.terminate(signal.SIGINT)
        assert service.process.wait(SOON) == 0


@pytest.mark.parametrize("computing", [False, True])
def test_a_request_that_does_not_end_in_time_is_told_so(computing: bool, log: Path) -> None:
    with live_service(log, drain_notice=0, drain_seconds=1, **UNLIMITED) as service, Held(service, endless()) as held:
        if computing:
            held.send_body()
        service.terminate()
        status, headers, body = held.answer(SOON)
        assert (status, body["status"]) == (503, 503)
        assert headers["Content-Type"] == "application/problem+json"
        assert int(headers["Retry-After"]) >= 0
        assert service.process.wait(SOON) == 0
    logged = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["status"] for line in logged if line["message"] == "request" and "forward" in line["path"]] == [503]
    (cut_off,) = [line for line in logged if line["level"] == "error"]
    assert (cut_off["message"][:8], "traceback" in cut_off) == ("Cancel 1", False)


def test_a_training_that_does_not_end_in_time_is_told_so_in_its_last_event(log: Path) -> None:
    rows = {"inputs": [[1.0, -1.0]] * 20_000, "targets": [[1.0]] * 20_000}
    long = {**SOUND, **rows, "steps": 100_000, "learning_rate": 1e-9, "record": 0}
    with (
        live_service(log, drain_notice=0, drain_seconds=1, max_calls=10**9, **UNLIMITED) as service,
        service.client(headers={"Accept": "text/event-stream"}) as client,
        client.stream("POST", "/v1/train", json=long) as streamed,
    ):
        lines = streamed.iter_lines()
        assert next(lines) == "event: progress"
        service.terminate()
        told = list(lines)
        assert service.process.wait(SOON) == 0
    last = told.index("event: problem")
    assert json.loads(told[last + 1].removeprefix("data: "))["status"] == 503
    assert not any(told[last + 2 :])


def test_every_request_is_in_the_log_to_the_last(log: Path) -> None:
    with live_service(log, drain_notice=0, drain_seconds=1) as service:
        with Held(service, padded(FORWARD, 1_000), X_Request_ID="finished") as held:
            held.finish()
        with Held(service, padded(FORWARD, 1_000), X_Request_ID="cut-off") as held:
            service.terminate()
            held.answer(SOON)
        service.process.wait(SOON)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    statuses = {line["request_id"]: line["status"] for line in lines if "request_id" in line}
    assert (statuses["finished"], statuses["cut-off"]) == (200, 503)
