"""What every exchange has, whatever comes of it: an id, and where the time went."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from api.in_process import InProcess
from api.problems import FORWARD, OUTPUTS

EXCHANGES: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "reply": ("POST", "/v1/forward", {"json": FORWARD}, 200),
    "page": ("GET", "/v1/info", {}, 200),
    "refused body": ("POST", "/v1/forward", {"json": {}}, 422),
    "refused type": ("POST", "/v1/forward", {"content": b"{}"}, 415),
    "refused query": ("GET", "/v1/ops/relu?points=0", {}, 422),
    "no such path": ("GET", "/v2", {}, 404),
    "no such method": ("DELETE", "/v1/forward", {}, 405),
}


@pytest.fixture(params=EXCHANGES)
def exchange(request: pytest.FixtureRequest) -> tuple[str, str, dict[str, Any], int]:
    return EXCHANGES[request.param]


@pytest.mark.parametrize("given", ["grader-7", "A.b_c-9", "0", "x" * 128])
def test_the_callers_id_comes_back(
    given: str, exchange: tuple[str, str, dict[str, Any], int], client: httpx.Client
) -> None:
    method, path, sent, status = exchange
    reply = client.request(method, path, headers={"X-Request-ID": given}, **sent)
    assert (reply.status_code, reply.headers["X-Request-ID"]) == (status, given)


@pytest.mark.parametrize("given", [None, "", "x" * 129, "a b", "ünsound", "a/b", 'a"b'])
def test_a_new_id_is_made_where_there_is_no_sound_one(
    given: str | None, exchange: tuple[str, str, dict[str, Any], int], in_process: InProcess
) -> None:
    method, path, sent, status = exchange
    headers = {} if given is None else {"X-Request-ID": given.encode()}
    replies = [in_process.request(method, path, headers=headers, **sent) for _ in range(2)]
    made = [reply.headers["X-Request-ID"] for reply in replies]
    assert [reply.status_code for reply in replies] == [status] * 2
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in made)
    assert made[0] != made[1]


def test_an_id_is_sent_once(exchange: tuple[str, str, dict[str, Any], int], client: httpx.Client) -> None:
    method, path, sent, _ = exchange
    names = [name.lower() for name, _ in client.request(method, path, **sent).headers.raw]
    assert names.count(b"x-request-id") == 1
    assert len(names) == len(set(names))


def timings(reply: httpx.Response) -> dict[str, float]:
    """Milliseconds by part, read as the header's own grammar has it."""
    parts = [part.strip().split(";dur=") for part in reply.headers["Server-Timing"].split(",")]
    return {name: float(duration) for name, duration in parts}


def test_a_reply_made_at_once_says_where_the_time_went(client: httpx.Client) -> None:
    reply = client.post("/v1/forward", json=FORWARD)
    assert reply.json()["outputs"] == OUTPUTS
    assert list(timings(reply)) == ["parse", "compute", "encode"]
    assert all(0 <= duration < 60_000 for duration in timings(reply).values())


@pytest.mark.parametrize("chunked", [False, True])
def test_a_reply_made_in_a_thread_also_says_how_long_it_waited(chunked: bool, client: httpx.Client) -> None:
    many = [[1.0, -1.0]] * 1_000
    request = client.build_request("POST", "/v1/forward", json={**FORWARD, "inputs": many})
    body = request.read()
    sent = iter([body[:100], body[100:]]) if chunked else body
    reply = client.post("/v1/forward", content=sent, headers={"Content-Type": "application/json"})
    assert reply.json()["outputs"] == [[-0.5]] * 1_000
    assert set(timings(reply)) == {"queue", "parse", "compute", "encode"}


@pytest.mark.parametrize("path", ["/", "/livez", "/readyz", "/v1/info", "/v1/ops", "/v1/ops/tanh", "/openapi.json"])
def test_head_is_get_without_the_body(path: str, client: httpx.Client) -> None:
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("Content-Type", "Content-Length"):
        assert head.headers[name] == get.headers[name]


def test_head_of_what_is_not_there_is_refused_as_get_is(client: httpx.Client) -> None:
    assert client.head("/v1/ops/nothing").status_code == 404
    assert client.head("/v1/forward").status_code == 405
