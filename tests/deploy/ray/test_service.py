"""The service on Ray Serve answers as it does by itself, through either kind of proxy."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from chainrule_client import Client
from deploy.ray.cluster import URL, ready, until

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.usefixtures("ray_cluster")]

JSON = {"Content-Type": "application/json"}
SMALL: dict[str, Any] = {
    "network": {"layers": [{"op": "linear", "weight": [[2.0, -1.0]], "bias": [0.5]}]},
    "inputs": [[1.0, 2.0], [0.5, -1.0]],
    "targets": [[1.0], [0.0]],
    "loss": "squared_error",
}
GRADIENTS = {"W1": [[1.5, -7.0]], "b1": [4.0]}
"""By hand: ŷ = (0.5, 2.5), 2(ŷ − y) = (−1, 5)."""


def post(path: str, body: Any, **headers: str) -> httpx.Response:
    return httpx.post(f"{URL}{path}", content=json.dumps(body), headers={**JSON, **headers}, timeout=60)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_both_backends_compute(backend: str) -> None:
    reply = post("/v1/gradients", {**SMALL, "backend": backend})
    assert reply.status_code == 200
    assert reply.json()["gradients"] == GRADIENTS
    assert reply.json()["meta"]["backend"] == backend
    assert "compute;dur=" in reply.headers["Server-Timing"]


@pytest.mark.parametrize("port", [8000, 8001])
def test_every_node_takes_requests(port: int) -> None:
    until(lambda: ready(f"http://127.0.0.1:{port}"), "proxy")


def test_a_reply_has_one_id_and_it_is_the_callers() -> None:
    for headers in ({"X-Request-ID": "homework-1"}, {}):
        refused = post("/v1/gradients", {**SMALL, "loss": "bcx"}, **headers)
        (found,) = refused.headers.get_list("X-Request-ID")
        assert refused.status_code == 422
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert refused.json()["request_id"] == found
        assert not headers or found == "homework-1"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v1/gradients", {"Content-Type": "text/plain"}, 415),
        ("/v1/gradients", {"X-Request-Timeout": "soon"}, 400),
        ("/v1/nothing", {}, 404),
        ("/v1/ops", {}, 405),
    ],
)
def test_refusals_come_through_as_they_are(path: str, headers: dict[str, str], status: int) -> None:
    refused = post(path, SMALL, **headers)
    assert (refused.status_code, refused.json()["status"]) == (status, status)


def test_a_body_that_is_too_long_is_refused() -> None:
    limits = httpx.get(f"{URL}/v1/info", timeout=30).json()["limits"]
    refused = httpx.post(f"{URL}/v1/gradients", content=b" " * (limits["body_bytes"] + 1), headers=JSON, timeout=60)
    assert refused.status_code == 413


def test_a_replica_computes_as_many_at_once_as_it_has_cpus() -> None:
    assert httpx.get(f"{URL}/v1/info", timeout=30).json()["limits"]["concurrency"] == 1


def test_a_batch_is_answered_line_by_line_while_it_is_sent() -> None:
    line = json.dumps({"id": 0, "operation": "gradients", "request": SMALL}).encode() + b"\n"
    with socket.create_connection(("127.0.0.1", 8000), timeout=60) as connection:
        head = (
            "POST /v1/batch HTTP/1.1\r\nHost: ray\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked"
        )
        connection.sendall(f"{head}\r\n\r\n".encode())
        received = b""
        for count in range(1, 4):
            connection.sendall(b"%x\r\n%b\r\n" % (len(line), line))
            while received.count(b'"gradients":{') < count:  # nothing more is sent until this one is answered
                received += connection.recv(1 << 16)
        connection.sendall(b"0\r\n\r\n")
    assert b"application/x-ndjson" in received


def test_progress_comes_as_events() -> None:
    request = {**SMALL, "steps": 3, "learning_rate": 0.1}
    reply = post("/v1/train", request, Accept="text/event-stream")
    assert reply.headers["Content-Type"] == "text/event-stream"
    assert reply.text.count("event: progress") >= 1
    assert reply.text.count("event: reply") == 1


def test_what_has_no_place_gets_429_and_is_told_when_to_come_back() -> None:
    long = {**SMALL, "steps": 2000, "learning_rate": 0.01, "record": 2000}
    # By one client, which is there already: making one for each takes as long as a fast machine computes.
    with httpx.Client(timeout=60, limits=httpx.Limits(max_connections=30)) as client, ThreadPoolExecutor(30) as callers:
        replies = list(callers.map(lambda _: client.post(f"{URL}/v1/train", json=long), range(30)))
    assert {reply.status_code for reply in replies} == {200, 429}
    refused = [reply for reply in replies if reply.status_code == 429]
    assert {reply.headers["Content-Type"] for reply in refused} == {"application/problem+json"}
    # How long that is depends on how fast this machine gets through the others.
    longest = httpx.get(f"{URL}/v1/info", timeout=30).json()["limits"]["seconds"]
    assert all(1 <= int(reply.headers["Retry-After"]) <= longest for reply in refused)
    (loss,) = {reply.json()["loss"] for reply in replies if reply.status_code == 200}
    assert loss > 0


def test_the_client_needs_to_know_nothing_of_it() -> None:
    with Client(URL) as client:
        assert client.ready()
        reply = client.gradients(SMALL["network"], SMALL["inputs"], SMALL["targets"], "squared_error")
    assert {name: gradient.tolist() for name, gradient in reply.gradients.items()} == GRADIENTS
