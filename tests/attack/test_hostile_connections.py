"""Requests that are wrong as HTTP, or come as no client sends them."""

import socket
import time
from contextlib import ExitStack, suppress

import pytest

from attack.bodies import bare, spoilt
from chainrule.api.connections import AHEAD
from problem_documents import assert_problem

HEAD = "POST /v1/forward HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture
def connection(attacked):
    with attacked.connect() as connection:
        yield connection


def received(connection, replies=0):
    """All that comes until the service hangs up, or until there are the heads of so many replies."""
    connection.settimeout(30)
    found = b""
    with suppress(ConnectionResetError):
        while (not replies or found.count(b"HTTP/1.1 ") < replies) and (chunk := connection.recv(65536)):
            found += chunk
    return found


NOT_JSON = ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "a" * 10_000]


@pytest.mark.parametrize("kind", [None, *NOT_JSON])
def test_another_content_type_is_refused(kind, client):
    headers = {} if kind is None else {"Content-Type": kind}
    with_kind = client.build_request("POST", "/v1/forward", content=spoilt(), headers=headers)
    if kind is None:
        del with_kind.headers["Content-Type"]
    assert_problem(client.send(with_kind), 415)


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"']
)
def test_json_by_any_spelling_is_taken(kind, client):
    assert client.post("/v1/forward", content=spoilt(), headers={"Content-Type": kind}).status_code == 200


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "deflate, gzip"])
def test_a_compressed_body_is_refused_unread(coding, client):
    assert_problem(client.post("/v1/forward", content=spoilt(), headers={"Content-Encoding": coding}), 415)


def test_a_body_announced_too_long_is_refused_before_it_is_sent(connection):
    connection.sendall(f"{HEAD}Content-Length: {10**15}\r\n\r\n{{".encode())
    assert received(connection, replies=1).startswith(b"HTTP/1.1 413 ")


def test_a_body_too_long_that_is_not_announced_is_cut_off(connection):
    connection.sendall(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode())
    chunk = b"100000\r\n" + b" " * 2**20 + b"\r\n"
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        connection.sendall(chunk * 200)


def test_less_than_was_announced_is_waited_for_and_given_up(connection):
    connection.sendall(f"{HEAD}Content-Length: 1000\r\n\r\n{{".encode())
    reply = received(connection)
    assert reply.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in reply


def test_more_than_was_announced_is_no_part_of_the_request(connection):
    body = spoilt()
    connection.sendall(f"{HEAD}Content-Length: {len(body)}\r\n\r\n".encode() + body + b"XXXX YYYY\r\n\r\n")
    assert b"HTTP/1.1 400 " in received(connection)


def test_what_comes_behind_a_body_is_no_header(connection):
    body = spoilt()
    chunked = b"%x\r\n%b\r\n0\r\n" % (len(body), body)
    head = f"{HEAD}X-Request-ID: mine\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode()
    connection.sendall(head + chunked + b"X-Request-ID: another\r\nX-Request-Timeout: 0\r\n\r\n")
    reply = received(connection)
    assert reply.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nx-request-id: mine\r\n" in reply


def test_a_body_that_trickles_is_given_up(connection):
    connection.sendall(f"{HEAD}Content-Length: 100000\r\n\r\n".encode())
    started = time.monotonic()
    try:
        while time.monotonic() - started < 60:
            connection.sendall(b" ")
            time.sleep(0.1)
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "abc", "1, 2", "99999999999999999999999999"])
def test_a_length_that_is_no_number_is_refused(length, connection):
    connection.sendall(f"{HEAD}Content-Length: {length}\r\n\r\n{{}}".encode())
    assert received(connection)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 413")


def test_what_is_no_http_is_refused(connection):
    connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 100)
    assert received(connection).startswith(b"HTTP/1.1 400 ")


def test_hanging_up_in_the_middle_of_a_body_harms_nobody(attacked):
    for _ in range(20):
        with attacked.connect() as connection:
            connection.sendall(f"{HEAD}Content-Length: 100000\r\n\r\n{{".encode())


def test_hanging_up_before_the_answer_harms_nobody(attacked):
    body = spoilt(inputs=[[0.5, 1.5]] * 20_000)
    for _ in range(20):
        with attacked.connect() as connection:
            connection.sendall(f"{HEAD}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


@pytest.mark.parametrize("given", ["a b", "x" * 129, "é", "a\tb", "<script>", ""])
def test_an_unsound_request_id_is_replaced(given, client):
    request = client.build_request("POST", "/v1/forward", content=spoilt())
    request.headers.raw.append((b"X-Request-ID", given.encode()))
    reply = client.send(request)
    assert reply.headers["X-Request-ID"].isalnum()
    assert reply.headers["X-Request-ID"] != given


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "soon", "", "1e999"])
def test_an_unsound_deadline_is_refused(seconds, client):
    assert_problem(client.post("/v1/forward", content=spoilt(), headers={"X-Request-Timeout": seconds}), 400)


@pytest.mark.parametrize(
    "path", ["/v1/ops/" + "x" * 5_000, "/v1/ops/..%2F..%2Fetc", "/%00", "/v1/ops/%F0%9F", "/v1//ops"]
)
def test_strange_paths_lead_nowhere(path, client):
    assert_problem(client.get(path), 404)


@pytest.mark.parametrize(
    "query", ["low=nan", "low=5&high=-5", "low=1e300", "points=1", "points=1000000000", "points=2.5"]
)
def test_curves_out_of_bounds_are_refused(query, client):
    assert_problem(client.get(f"/v1/ops/relu?{query}"), 422)


MEGABYTE = b"a: b\r\n" * 170_000


@pytest.mark.parametrize(
    ("begun", "then"),
    [
        (b"GET /livez HTTP/1.1\r\n", MEGABYTE),
        (b"GET /livez HTTP/1.1\r\n" + b"a: b\r\n" * 101 + b"\r\n", b""),
        (b"GET /livez HTTP/1.1\r\na: ", b"a" * 2**20),
        (b"GET /", b"a" * 2**20),
        (b"GET /livez HTTP/1.1\r\na: " + b"a" * 2**15 + b"\r\n\r\n", b""),
    ],
    ids=["headers without end", "too many headers", "a header without end", "a path without end", "a long head"],
)
def test_a_head_without_end_is_refused_and_not_kept(begun, then, attacked, connection):
    before = attacked.memory()
    try:
        connection.sendall(begun)
        for _ in range(100 if then else 0):
            connection.sendall(then)
        assert received(connection).startswith(b"HTTP/1.1 400 ")
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert attacked.memory() - before < 20 * 2**20


LIVES = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


def long_replies(number):
    """So many requests of which each has a reply of 200 KB."""
    body = bare(network={"layers": [{"op": "broadcast", "shape": [9_999]}]}, inputs=[[0.123456789012345]])
    return (f"{HEAD}Content-Length: {len(body)}\r\n\r\n".encode() + body) * number


def test_requests_sent_ahead_are_answered_and_then_the_connection_closes(connection):
    connection.sendall(LIVES * (1 + AHEAD))
    assert received(connection, replies=1 + AHEAD).count(b"HTTP/1.1 200 ") == 1 + AHEAD
    connection.sendall(LIVES * (2 + AHEAD))
    found = received(connection)
    assert found.count(b"HTTP/1.1 200 ") == 1 + AHEAD
    assert found.count(b"connection: close") == 1
    assert connection.recv(1) == b""


@pytest.fixture
def before(attacked):
    return attacked.memory()


@pytest.fixture
def unread(attacked, before):
    """Connections of which nothing is read, with more requests than the system takes replies for."""
    with ExitStack() as stack:
        connections = [stack.enter_context(socket.socket()) for _ in range(10)]
        for connection in connections:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(0.5)
            connection.connect(("127.0.0.1", attacked.port))
            with suppress(TimeoutError, ConnectionResetError, BrokenPipeError):
                connection.sendall(long_replies(4 * AHEAD) + LIVES * 20_000)
        yield connections


@pytest.mark.usefixtures("unread")
def test_requests_ahead_without_end_are_not_kept(attacked, before, client):
    for _ in range(20):  # so many turns later it has read what there is
        assert client.get("/livez").status_code == 200
    assert attacked.memory() - before < 40 * 2**20


def test_hanging_up_with_requests_ahead_is_no_fault(attacked, unread):
    for connection in unread:
        connection.close()
    with attacked.connect() as another:
        another.sendall(LIVES)
        assert received(another, replies=1).startswith(b"HTTP/1.1 200 ")
    assert "traceback" not in attacked.log.read_text()
