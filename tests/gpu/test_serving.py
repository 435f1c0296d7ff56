"""The service on TEST_DEVICE: two processes on one GPU, and out of memory as a caller sees it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import orjson
import pytest

from gpu.full_device import full
from gpu.problems import check, on_numpy, problem
from gpu.test_batches import arrays
from live_service import LiveService, live_service
from torch_device import DEVICE

pytestmark = pytest.mark.gpu

REQUESTS = 100


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    log = tmp_path_factory.mktemp("serving") / "log"
    with live_service(log, processes=2, drain_notice=0) as service:
        yield service


def gradients(service: LiveService, request: dict[str, Any]) -> httpx.Response:
    """On a connection of its own, which any of the processes may take."""
    body = orjson.dumps({**request, "device": DEVICE}, option=orjson.OPT_SERIALIZE_NUMPY)
    with service.client() as client:
        return client.post("/v1/gradients", content=body, headers={"Content-Type": "application/json"})


def right(reply: httpx.Response, request: dict[str, Any]) -> None:
    assert reply.status_code == 200, reply.text
    found = reply.json()
    assert found["meta"]["device"] == DEVICE
    check(arrays(found), on_numpy("gradients", request))


def test_every_process_answers_from_the_device(two: LiveService) -> None:
    """Processes are copies of one, which a context of CUDA would not survive."""
    requests = [problem(seed, hidden=5 + seed % 7) for seed in range(REQUESTS)]
    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(lambda request: gradients(two, request), requests))
    for reply, request in zip(replies, requests, strict=True):
        right(reply, request)


def test_the_device_is_among_those_that_the_service_tells(two: LiveService) -> None:
    with two.client() as client:
        devices = client.get("/v1/info").json()["backends"]["torch"]
    assert devices[:2] == ["cpu", "cuda:0"]


def test_out_of_memory_is_503_and_the_next_request_is_right(two: LiveService) -> None:
    small, large = problem(1), problem(2, hidden=5_000, n=50, batch=5_000, out=2)  # 200 MB an array between
    right(gradients(two, small), small)
    with full(leaving=0):
        refused = gradients(two, large)
    assert (refused.status_code, refused.headers["Retry-After"].isdigit()) == (503, True), refused.text
    assert "not enough memory" in refused.json()["detail"]
    for request in (small, large):
        right(gradients(two, request), request)


def test_a_device_that_is_not_here_is_refused(two: LiveService) -> None:
    reply = httpx.post(f"{two.url}/v1/forward", json={**_lists(problem()), "device": "cuda:99"}, timeout=60)
    assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (422, "/device")


def _lists(request: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(orjson.dumps(request, option=orjson.OPT_SERIALIZE_NUMPY))
    return found
