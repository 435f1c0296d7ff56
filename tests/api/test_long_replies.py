"""Long replies: sent a part at a time, to callers who read them."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import orjson
import pytest

from chainrule.api.exchange import PART, parts
from chainrule.api.joined_writes import UNREAD
from chainrule.schemas.binary import REPLY, read_tree
from live_service import LiveService, live_service
from waiting import until

NUMBERS = 400_000
SLOWLY = 1_000_000
"""Bytes a second."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """At its end its log must hold no fault."""
    with live_service(tmp_path_factory.mktemp("long") / "log", reply_seconds=1) as service:
        yield service
        assert '"level":"error"' not in service.log.read_text()


def request(numbers: int = NUMBERS) -> bytes:
    """Of a few bytes, for a long reply."""
    network = {"parameters": {"W": {"shape": [numbers, 1], "seed": 3}}, "layers": [{"op": "linear", "weight": "W"}]}
    return json.dumps({"network": network, "inputs": [[1.0]]}).encode()


def training(numbers: int = NUMBERS) -> bytes:
    """For a reply as long, of many arrays that are short."""
    width, depth = 100, numbers // 100**2
    parameters = {f"W{i}": {"shape": [width, width], "seed": i, "init": "normal", "scale": 0.1} for i in range(depth)}
    layers = [{"op": "linear", "weight": name} for name in parameters]
    row = [[1.0] * width]
    descent = {"targets": row, "loss": "mse", "steps": 2, "learning_rate": 1e-99, "record": 0}
    return json.dumps({"network": {"parameters": parameters, "layers": layers}, "inputs": row, **descent}).encode()


def replies(numbers: int) -> dict[str, tuple[str, bytes, str]]:
    """For replies of so many numbers: path, body, and what is accepted."""
    return {
        "one array": ("/v1/forward", request(numbers), "*/*"),
        "many arrays": ("/v1/train", training(numbers), "*/*"),
        "an event": ("/v1/train", training(numbers), "text/event-stream"),
    }


LONG = replies(NUMBERS)
LONGER = replies(3 * NUMBERS)


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


def asked(service: LiveService, request: tuple[str, bytes, str], room: int = 1 << 12) -> socket.socket:
    """A connection whose caller has asked, and has room for so many bytes of the answer."""
    path, body, accept = request
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    connection.settimeout(30)
    connection.connect(("127.0.0.1", service.port))
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\nConnection: close\r\n"
    about = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall((head + about).encode() + body)
    return connection


def received(connection: socket.socket) -> int:
    length = 0
    while chunk := connection.recv(1 << 16):
        length += len(chunk)
    return length


@pytest.mark.parametrize("kind", LONG)
def test_a_caller_that_does_not_read_is_hung_up_on(kind: str, service: LiveService) -> None:
    hung_up = left(service)
    with asked(service, LONG[kind]) as connection:
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        until(lambda: left(service) > hung_up)
        assert received(connection) < 8 * NUMBERS


def read_slowly(service: LiveService, request: tuple[str, bytes, str]) -> tuple[int, float]:
    """The bytes that come, and the seconds that it takes."""
    with asked(service, request, room=1 << 16) as connection:
        length, started = 0, time.monotonic()
        while chunk := connection.recv(1 << 16):
            length += len(chunk)
            time.sleep(max(0.0, started + length / SLOWLY - time.monotonic()))
    return length, time.monotonic() - started


@pytest.mark.slow
def test_a_caller_that_reads_slowly_gets_all_of_it(log: Path) -> None:
    """For longer than anything is waited for that was written when the connection is closed."""
    with live_service(log) as service, ThreadPoolExecutor() as threads:
        for length, seconds in threads.map(read_slowly, [service] * len(LONGER), LONGER.values()):
            assert length > 18 * 3 * NUMBERS
            assert seconds > UNREAD


@pytest.mark.parametrize("kind", LONG)
def test_a_caller_that_leaves_costs_nobody_anything(kind: str, service: LiveService) -> None:
    gone = left(service)
    for _ in range(5):
        with asked(service, LONG[kind]) as connection:
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
    until(lambda: left(service) >= gone + 5)
    with service.client() as client:
        reply = client.post("/v1/forward", content=request(), headers={"Content-Type": "application/json"})
    assert len(reply.json()["outputs"][0]) == NUMBERS


def left(service: LiveService) -> int:
    """How many callers have left, by the log."""
    return Path(service.log).read_text().count('"status":499')
