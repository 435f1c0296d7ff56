"""Large requests take places: where there is none they are refused at once, and a place comes back in any case."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import httpx
import pytest

from api.held import Held, NotTaken
from api.in_process import JSON
from api.problems import FORWARD, OUTPUTS, UNLIMITED, endless, padded
from live_service import LiveService, live_service
from problem_documents import assert_problem

SOON = 30
"""Seconds: far more than a place takes to come back on a busy machine, far fewer than `endless` would take."""

LARGE = padded(FORWARD, 40_000)


@pytest.fixture(scope="module")
def of_two_places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """One request computes, one waits."""
    log = tmp_path_factory.mktemp("crowded") / "log"
    with live_service(log, concurrency=1, queue=1, retry_after=3, **UNLIMITED) as service:
        yield service
        assert "traceback" not in log.read_text()


@pytest.fixture
def crowded(of_two_places: LiveService) -> Iterator[LiveService]:
    """Before each test and after it, both places are free."""
    wait_for_both_places(of_two_places)
    yield of_two_places
    wait_for_both_places(of_two_places)


def post(service: LiveService, body: bytes = LARGE) -> httpx.Response:
    return httpx.post(f"{service.url}/v1/forward", content=body, headers=JSON, timeout=60)


def wait_for_both_places(service: LiveService) -> None:
    """Until two large requests are taken at once, which has to come about soon."""
    started = time.monotonic()
    while not takes_two(service):
        assert time.monotonic() - started < SOON
        time.sleep(0.05)


def takes_two(service: LiveService) -> bool:
    try:
        with Held(service, LARGE) as first, Held(service, LARGE) as second:
            return {first.finish().status, second.finish().status} == {200}
    except NotTaken:
        return False


def test_one_request_too_many_is_refused_while_the_others_go_on(crowded: LiveService) -> None:
    with Held(crowded, LARGE) as first, Held(crowded, LARGE) as second:
        for _ in range(3):
            reply = post(crowded)
            # The others have not even sent their bodies: so it was not for them that this answer waited.
            assert_problem(reply, 429)
            assert reply.headers["Retry-After"] == "3"
            assert reply.json()["type"] == "urn:chainrule:problem:at-capacity"
            assert "as many requests wait as may; try again in 3 s" in reply.json()["detail"]
        assert not first.answered
        assert not second.answered
        assert [held.finish().body["outputs"] for held in (first, second)] == [OUTPUTS, OUTPUTS]


def test_small_requests_and_pages_need_no_place(crowded: LiveService) -> None:
    with Held(crowded, LARGE), Held(crowded, LARGE):
        assert post(crowded).status_code == 429
        assert post(crowded, padded(FORWARD, 500)).json()["outputs"] == OUTPUTS
        for path in ("/readyz", "/v1/info", "/v1/ops/relu"):
            assert httpx.get(crowded.url + path).status_code == 200


def test_a_request_that_waits_is_answered_when_its_turn_comes(crowded: LiveService) -> None:
    with Held(crowded, endless()) as first:
        first.send_body()
        with Held(crowded, LARGE) as second:
            second.send_body()
            assert not second.answered
            first.hang_up()
            assert second.answer(SOON).body["outputs"] == OUTPUTS


def test_a_caller_who_hangs_up_stops_the_computation(crowded: LiveService) -> None:
    ids = ["computing", "waiting"]
    with (
        Held(crowded, endless(), X_Request_ID=ids[0]) as computing,
        Held(crowded, endless(), X_Request_ID=ids[1]) as waiting,
    ):
        computing.send_body()
        waiting.send_body()
        assert post(crowded).status_code == 429
        assert not computing.answered
    wait_for_both_places(crowded)
    lines = [json.loads(line) for line in crowded.log.read_text().splitlines()]
    assert [line["status"] for line in lines if line.get("request_id") in ids] == [499, 499]


def test_a_caller_who_hangs_up_within_the_body_leaves_the_place_to_others(crowded: LiveService) -> None:
    for _ in range(3):
        with Held(crowded, LARGE), Held(crowded, LARGE):
            assert post(crowded).status_code == 429


@pytest.mark.parametrize("spoilt", [b"[" * 40_000, b"{" + b" " * 40_000, b'{"a": 1}' + b" " * 40_000])
def test_a_large_request_that_is_refused_gives_its_place_back(spoilt: bytes, crowded: LiveService) -> None:
    for _ in range(4):
        assert_problem(post(crowded, spoilt), 400, 422)
    assert post(crowded).json()["outputs"] == OUTPUTS
