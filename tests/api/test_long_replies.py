"""Long replies: sent a part at a time, to callers who read them."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import pytest

from chainrule.api.exchange import PART, parts
from chainrule.schemas.binary import REPLY, read_tree
from live_service import LiveService, live_service

NUMBERS = 400_000


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """At its end its log must hold no fault."""
    with live_service(tmp_path_factory.mktemp("long") / "log", reply_seconds=1) as service:
        yield service
        assert '"level":"error"' not in service.log.read_text()


def request() -> bytes:
    """Of a few bytes, for a long reply."""
    network = {"parameters": {"W": {"shape": [NUMBERS, 1], "seed": 3}}, "layers": [{"op": "linear", "weight": "W"}]}
    return json.dumps({"network": network, "inputs": [[1.0]]}).encode()


def test_parts_are_the_same_bytes() -> None:
    pieces = [b"a", b"", b"b" * PART, memoryview(b"c" * (2 * PART + 5)), bytearray(b"d")]
    found = list(parts(pieces))
    assert b"".join(found) == b"".join(pieces)
    assert [len(part) for part in found] == [PART, PART, PART, 7]
    assert list(parts([])) == []


def test_either_form_is_whole_and_says_how_long_it_is(service: LiveService) -> None:
    with service.client() as client:
        spelled = client.post("/v1/forward", content=request(), headers={"Content-Type": "application/json"})
        accept = {"Content-Type": "application/json", "Accept": "application/vnd.safetensors"}
        packed = client.post("/v1/forward", content=request(), headers=accept)
    for reply in (spelled, packed):
        assert int(reply.headers["Content-Length"]) == len(reply.content) > 10 * PART
    assert packed.headers["Content-Type"] == "application/vnd.safetensors"
    outputs = read_tree(packed.content, REPLY)["outputs"]
    assert outputs.shape == (1, NUMBERS)
    np.testing.assert_array_equal(orjson.loads(spelled.content)["outputs"], outputs)


def asked(service: LiveService) -> socket.socket:
    """A connection whose caller has asked, and takes a few kilobytes of the answer at most."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(30)
    connection.connect(("127.0.0.1", service.port))
    head = f"POST /v1/forward HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(request())}"
    connection.sendall(head.encode() + b"\r\n\r\n" + request())
    return connection


def received(connection: socket.socket) -> int:
    length = 0
    while chunk := connection.recv(1 << 16):
        length += len(chunk)
    return length


def test_a_caller_that_does_not_read_is_hung_up_on(service: LiveService) -> None:
    with asked(service) as connection:
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        wait_for(service, '"status":499', 1)
        assert received(connection) < 8 * NUMBERS


def test_a_caller_that_leaves_costs_nobody_anything(service: LiveService) -> None:
    for _ in range(5):
        with asked(service) as connection:
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
    with service.client() as client:
        reply = client.post("/v1/forward", content=request(), headers={"Content-Type": "application/json"})
    assert len(reply.json()["outputs"][0]) == NUMBERS


def wait_for(service: LiveService, text: str, times: int) -> None:
    deadline = time.monotonic() + 30
    while Path(service.log).read_text().count(text) < times:
        assert time.monotonic() < deadline
        time.sleep(0.1)
