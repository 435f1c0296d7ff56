"""Large requests take places: where there is none they are refused at once, and a place comes back in any case."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Iterator
from threading import Event
from typing import Any

import httpx
import pytest

from api.held import Held, NotTaken
from api.in_process import JSON, InProcess
from api.problems import FORWARD, OUTPUTS, SOUND, UNLIMITED, endless, padded
from live_service import LiveService, live_service
from problem_documents import assert_problem
from waiting import SOON, until

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
    until(lambda: takes_two(service), "places")


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


LONG = json.dumps({"network": {"layers": [{"op": "mean"}]}, "inputs": [[0.5] * 600_000]}).encode()
"""Parsed in some 20 ms, more than may wait before a request of that kind."""
COSTLY = json.dumps({**SOUND, "steps": 2_000, "learning_rate": 1e-6}).encode()
"""Short, and costs more than that."""


@pytest.mark.parametrize(("path", "body"), [("/v1/forward", LONG), ("/v1/train", COSTLY)], ids=["long", "costly"])
@pytest.mark.parametrize("declared", [True, False])
def test_a_body_of_unknown_length_is_taken_for_what_it_is_once_it_is_read(
    path: str, body: bytes, declared: bool
) -> None:
    service = InProcess(concurrency=1, wait_ratio=0.5)
    assert asyncio.run(second_of_two(service, path, body, declared)) == [200, 429]


async def second_of_two(service: InProcess, path: str, body: bytes, declared: bool) -> list[int]:
    """The statuses of two requests, of which one waits for a thread when the other comes."""

    async def in_chunks() -> AsyncIterator[bytes]:
        yield body

    def post() -> Awaitable[httpx.Response]:
        return client.post(path, content=body if declared else in_chunks(), headers=JSON)

    workers, go_on = service.app.workers, Event()
    workers.submit(workers.enter("another"), lambda: go_on.wait(SOON))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(service.app), base_url="http://in.process") as client:
        posts: list[asyncio.Future[httpx.Response]] = []
        for number in (1, 2):
            posts.append(asyncio.ensure_future(post()))
            while workers.waiting < number and not posts[-1].done():
                await asyncio.sleep(0.001)
        go_on.set()
        return [reply.status_code for reply in await asyncio.gather(*posts)]


def test_a_short_body_of_unknown_length_keeps_no_place_when_it_is_answered_at_once(in_process: InProcess) -> None:
    workers, left = in_process.app.workers, []
    free = workers.free

    async def receive() -> dict[str, Any]:
        if left:
            await asyncio.sleep(SOON)
        left.append(workers.free)
        return {"type": "http.request", "body": json.dumps(FORWARD).encode()}

    async def send(message: dict[str, Any]) -> None:
        assert message.get("status", 200) == 200
        left.append(workers.free)

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/v1/forward", "headers": headers, "query_string": b""}
    asyncio.run(in_process.app(scope, receive, send))
    assert left == [free - 1, free, free]
    assert workers.held == 0
