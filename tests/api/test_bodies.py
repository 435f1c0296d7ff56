"""Which bodies are read at all: how long, of which type, in which coding."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from api.conftest import SMALL
from api.held import Held
from api.in_process import JSON, InProcess
from api.problems import FORWARD, OUTPUTS, padded
from live_service import LiveService
from problem_documents import assert_problem

MOST = SMALL["max_body_bytes"]


def in_chunks(body: bytes, size: int = 7_000) -> Iterator[bytes]:
    """Sent without a Content-Length."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


def post(client: httpx.Client, body: bytes, *, declared: bool) -> httpx.Response:
    reply = client.post("/v1/forward", content=body if declared else in_chunks(body), headers=JSON)
    assert ("content-length" in reply.request.headers) == declared
    return reply


@pytest.mark.parametrize("declared", [True, False])
def test_the_longest_body_is_answered_and_one_byte_more_refused(declared: bool, client: httpx.Client) -> None:
    longest = post(client, padded(FORWARD, MOST), declared=declared)
    assert longest.json()["outputs"] == OUTPUTS
    problem = assert_problem(post(client, padded(FORWARD, MOST + 1), declared=declared), 413)
    assert f"{MOST} bytes" in problem.detail


def test_a_long_body_is_refused_on_its_announcement(small: LiveService) -> None:
    with small.connect() as connection:
        connection.sendall(
            f"POST /v1/forward HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {MOST + 1}\r\n\r\n".encode()
        )
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_a_refusal_of_a_long_body_leaves_the_connection_usable_or_closes_it(client: httpx.Client) -> None:
    for declared in (True, False) * 5:
        assert post(client, padded(FORWARD, 4 * MOST), declared=declared).status_code == 413
        assert client.post("/v1/forward", json=FORWARD).json()["outputs"] == OUTPUTS


def test_a_body_is_read_once_the_caller_is_told_to_continue(small: LiveService) -> None:
    with Held(small, padded(FORWARD, 1_000)) as held:
        assert not held.answered
        assert held.finish().body["outputs"] == OUTPUTS


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/json;charset=utf-8",
        'application/json ; charset="UTF-8"',
        "application/json;",
        "application/json; charset=utf-8 ;",
    ],
)
def test_json_in_utf_8_is_taken(kind: str, in_process: InProcess) -> None:
    reply = in_process.post("/v1/forward", content=padded(FORWARD, 300), headers={"Content-Type": kind})
    assert reply.json()["outputs"] == OUTPUTS


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/json; profile=x",
        "application/jsonp",
        "application/problem+json",
        "text/json",
        "application/json, text/plain",
        "",
        None,
    ],
)
def test_any_other_type_is_415_and_says_what_is_wanted(kind: str | None, in_process: InProcess) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    problem = assert_problem(in_process.post("/v1/forward", content=padded(FORWARD, 300), headers=headers), 415)
    assert "application/json" in problem.detail


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd", "gzip, identity", "aes128gcm"])
def test_a_compressed_body_is_415(coding: str, in_process: InProcess) -> None:
    headers = {**JSON, "Content-Encoding": coding}
    problem = assert_problem(in_process.post("/v1/forward", content=padded(FORWARD, 300), headers=headers), 415)
    assert "Content-Encoding" in problem.detail


@pytest.mark.parametrize("coding", ["Identity", ""])
def test_a_body_that_is_coded_as_itself_is_taken(coding: str, in_process: InProcess) -> None:
    headers = {**JSON, "Content-Encoding": coding}
    assert in_process.post("/v1/forward", json=FORWARD, headers=headers).json()["outputs"] == OUTPUTS
