"""Requests that ask for another protocol, as Java's client does, on a real connection."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from api.problems import FORWARD, OUTPUTS
from live_service import LiveService, live_service

BODY = json.dumps(FORWARD).encode()
SIZED = {"Content-Length": str(len(BODY))}
CHUNKED = {"Transfer-Encoding": "chunked"}
IN_CHUNKS = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (BODY[:20], BODY[20:])) + b"0\r\n\r\n"
H2C = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAARAAAAAAAIAAAAA"}
WEBSOCKET = {"Connection": "keep-alive, upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "x"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """At its end its log must hold no fault, nor advice to install something."""
    log = tmp_path_factory.mktemp("upgrades") / "log"
    with live_service(log, log_level="warning") as service:
        yield service
        assert "traceback" not in log.read_text()
        assert "pgrade" not in log.read_text()


def request(body: bytes, *headers: dict[str, str]) -> bytes:
    lines = [f"{name}: {value}" for each in headers for name, value in each.items()]
    head = "\r\n".join(["POST /v1/forward HTTP/1.1", "Host: a", "Content-Type: application/json", *lines, "", ""])
    return head.encode() + body


def answers(service: LiveService, sent: bytes, *, piece: int = 1 << 16) -> bytes:
    """All that comes for what is sent in pieces of so many bytes, until the connection closes."""
    with service.connect() as connection:
        for at in range(0, len(sent), piece):
            connection.sendall(sent[at : at + piece])
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


LAST = request(BODY, SIZED, {"Connection": "close"})


@pytest.mark.parametrize("piece", [1 << 16, 7], ids=["at once", "in pieces"])
@pytest.mark.parametrize("wish", [H2C, WEBSOCKET], ids=["h2c", "websocket"])
@pytest.mark.parametrize(("body", "length"), [(BODY, SIZED), (IN_CHUNKS, CHUNKED)], ids=["sized", "chunked"])
def test_it_is_answered_in_this_protocol_and_so_are_those_behind_it(
    body: bytes, length: dict[str, str], wish: dict[str, str], piece: int, service: LiveService
) -> None:
    found = answers(service, request(body, length, wish) * 3 + LAST, piece=piece)
    replies = [part.partition(b"\r\n\r\n")[2] for part in found.split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert [json.loads(reply)["outputs"] for reply in replies] == [OUTPUTS] * 4


def test_one_that_also_asks_to_close_is_the_last(service: LiveService) -> None:
    wish = {**H2C, "Connection": "close, Upgrade"}
    found = answers(service, request(BODY, SIZED, wish))
    assert found.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"connection: close" in found.lower()


def test_its_head_is_bounded_too(service: LiveService) -> None:
    found = answers(service, request(BODY, SIZED, H2C, {"X": "a" * 20_000}))
    assert found.startswith(b"HTTP/1.1 400 ")


def test_a_tunnel_is_refused(service: LiveService) -> None:
    assert answers(service, b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 400 ")
