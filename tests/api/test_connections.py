"""Connections that wait for their callers: how many may, and for how long."""

import asyncio
import socket
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from math import inf

import pytest
import uvicorn
import uvloop
from uvicorn.server import ServerState

from chainrule.api.connections import HEAD, IDLE, Patience
from chainrule.api.upgrades import OneProtocol
from waiting import SOON

REPLY = b"x" * (1 << 25)
"""Some times more than the system takes in for a caller that does not read."""
ASK = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def application(scope, receive, send):
    about = [(b"content-length", b"%d" % len(REPLY))]
    await send({"type": "http.response.start", "status": 200, "headers": about})
    await send({"type": "http.response.body", "body": REPLY})


async def read(connection):
    """All of a reply, or as much as comes before the connection is gone."""
    loop, found = asyncio.get_running_loop(), b""
    try:
        while len(found) < len(REPLY) and (part := await loop.sock_recv(connection, 1 << 20)):
            found += part
    except ConnectionResetError:
        pass
    return found


@asynccontextmanager
async def serving(application, *given):
    """Where such an application serves, under `Patience(*given)`, what it has, and what waits."""
    config = uvicorn.Config(application, log_config=None, timeout_keep_alive=1_000)
    config.load()
    state, patience, loop = ServerState(), Patience(*given), asyncio.get_running_loop()
    made = await loop.create_server(lambda: OneProtocol(config, state, {}, patience=patience), "127.0.0.1", 0)
    async with made as server:
        yield server.sockets[0].getsockname(), state, patience
        while state.connections:
            await asyncio.sleep(0.01)
    assert patience.heads.total == patience.bodies.total == patience.replies.total == 0


async def connected(address, sent=b""):
    """A connection on which that has been sent."""
    loop, connection = asyncio.get_running_loop(), socket.socket()
    connection.setblocking(False)
    await loop.sock_connect(connection, address)
    await loop.sock_sendall(connection, sent)
    return connection


async def asked_in_turn(most, callers, is_read):
    """How many of so many callers get a whole reply in the end. Each, asked in turn, reads only then, or at once."""
    connections, whole = [], []
    async with serving(application, most // 2) as (address, state, _), AsyncExitStack() as stack:
        for _ in range(callers):
            connections.append(stack.enter_context(await connected(address, ASK)))
            while state.total_requests < len(connections):
                await asyncio.sleep(0.01)
            if is_read:
                whole.append(REPLY in await read(connections[-1]))
        if not is_read:
            whole = [REPLY in await read(connection) for connection in connections]
    return whole


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize(
    ("most", "is_read", "whole"),
    [
        (2 * len(REPLY), False, [False, False, False, True, True]),
        (2 * len(REPLY), True, [True] * 5),
        (5 * len(REPLY), False, [True] * 5),
        (1, False, [False, False, False, False, True]),
    ],
    ids=["too much unread", "all read", "little enough", "one alone"],
)
def test_those_hang_up_that_wait_longest_where_too_much_is_unread(run, most, is_read, whole):
    assert run(asyncio.wait_for(asked_in_turn(most, len(whole), is_read), SOON)) == whole


POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
SHORT = b"HTTP/1.1 200 OK"
TRICKLE = 0.05
"""Seconds between two bytes."""


async def short(scope, receive, send):
    """Answers at once, and waits for the body of a POST first unless it is to be refused."""
    if scope["method"] == "POST":
        while (message := await receive()).get("more_body"):
            pass
        if message["type"] == "http.disconnect":
            return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def settled():
    """All that had come to the service by now has been read, and what follows from that has been done.

    It runs on this loop, and in each of the loop's turns what has come is looked for.
    """
    for _ in range(20):
        await asyncio.sleep(0.001)


def lives(connection):
    """Whether the service has not hung up. For when it has settled: then the end is there, if it is to come."""
    try:
        while connection.recv(1 << 16):
            pass
    except BlockingIOError:
        return True
    except ConnectionResetError:
        pass
    return False


@pytest.mark.parametrize(
    ("sent", "size"),
    [
        (b"", IDLE),
        (ASK, IDLE),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * (HEAD // 2), IDLE + HEAD),
        (POST, 2 * IDLE),
        (POST + b"x" * 999, 2 * IDLE),
    ],
    ids=["nothing", "one request", "half a head", "a head", "half a body"],
)
def test_of_many_connections_those_hang_up_that_wait_longest_for_their_callers(sent, size):
    async def run():
        async with serving(short, 3 * size + size // 2) as (address, _, _), AsyncExitStack() as stack:
            connections = []
            for _ in range(5):
                connections.append(stack.enter_context(await connected(address, sent)))
                await settled()
            return [lives(connection) for connection in connections]

    assert asyncio.run(asyncio.wait_for(run(), SOON)) == [False, False, True, True, True]


def test_one_whose_body_goes_on_does_not_wait_longest():
    async def run():
        async with serving(short, 5 * IDLE) as (address, _, _), AsyncExitStack() as stack:
            first, second = [stack.enter_context(await connected(address, POST)) for _ in range(2)]
            await settled()
            await asyncio.get_running_loop().sock_sendall(first, b"x")
            await settled()
            third = stack.enter_context(await connected(address, POST))
            await settled()
            return [lives(connection) for connection in (first, second, third)]

    assert asyncio.run(asyncio.wait_for(run(), SOON)) == [True, False, True]


async def refuse(scope, receive, send):
    """Answers without a look at the body."""
    await short({"method": "GET"}, receive, send)


@pytest.mark.parametrize(
    ("application", "sent", "then"),
    [
        (short, b"", b""),
        (short, b"GET / HTTP/1.1\r\nX: ", b"x"),
        (short, ASK + b"GET / HTTP/1.1\r\nX: ", b"x"),
        (refuse, POST, b"x"),
        (refuse, POST + b"x" * 1_000, b""),
    ],
    ids=["nothing", "a head that trickles", "a second one", "a refused body that trickles", "a refused body"],
)
def test_a_connection_is_not_kept_without_a_request(application, sent, then):
    async def run():
        loop = asyncio.get_running_loop()
        async with serving(application, 1 << 20, 0.5) as (address, state, _):
            with await connected(address, sent) as connection, suppress(ConnectionError):
                await asyncio.sleep(TRICKLE)
                while state.connections:
                    await loop.sock_sendall(connection, then)
                    await asyncio.sleep(TRICKLE)

    asyncio.run(asyncio.wait_for(run(), SOON))


def test_a_request_may_take_longer_than_is_waited_for_one():
    async def slow(scope, receive, send):
        await asyncio.sleep(1)
        await short(scope, receive, send)

    async def run():
        loop = asyncio.get_running_loop()
        async with serving(slow, 1 << 20, 1, 1) as (address, _, _):
            with await connected(address, POST) as connection:
                for _ in range(10):
                    await asyncio.sleep(TRICKLE)
                    await loop.sock_sendall(connection, b"x" * 100)
                return await loop.sock_recv(connection, 1 << 16)

    assert asyncio.run(asyncio.wait_for(run(), SOON)).startswith(SHORT)


def test_replies_that_nobody_reads_are_kept_for_a_while():
    async def run():
        async with serving(application, 1 << 30, inf, 0.5) as (address, state, _):
            with await connected(address, 3 * ASK):
                await asyncio.sleep(TRICKLE)
                while state.connections:
                    await asyncio.sleep(TRICKLE)

    asyncio.run(asyncio.wait_for(run(), SOON))


LONG = 50_000
WHOLE = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (LONG, b"x" * LONG)


def test_nothing_of_a_refused_body_is_kept_with_an_idle_connection():
    async def run():
        async with serving(refuse, 1 << 20) as (address, state, _):
            with await connected(address, WHOLE):
                while not state.total_requests:
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0.1)
                (connection,) = state.connections
                return len(connection.cycle.body), [
                    len(each) for each in vars(connection).values() if type(each) is bytes
                ]

    body, rest = asyncio.run(asyncio.wait_for(run(), SOON))
    assert body == 0
    assert max(rest) < HEAD


def test_bodies_sent_ahead_count_for_what_they_hold():
    async def never(scope, receive, send):
        while (await receive())["type"] != "http.disconnect":
            pass

    async def run():
        async with serving(never, 5 * (2 * IDLE + LONG) // 2) as (address, _, patience), AsyncExitStack() as stack:
            connections = []
            for number in range(3):
                connections.append(stack.enter_context(await connected(address, ASK + WHOLE)))
                while patience.bodies.total < min(number + 1, 2) * (2 * IDLE + LONG):
                    await asyncio.sleep(0.01)
                await settled()
            return [lives(connection) for connection in connections]

    assert asyncio.run(asyncio.wait_for(run(), SOON)) == [False, True, True]


def test_a_reply_may_be_read_for_longer_than_a_head_is_waited_for():
    async def run():
        async with serving(application, 1 << 30, 0.2) as (address, _, _):
            with await connected(address, ASK) as connection:
                await asyncio.sleep(1)
                whole = REPLY in await read(connection)
                return whole, await asyncio.get_running_loop().sock_recv(connection, 1)

    assert asyncio.run(asyncio.wait_for(run(), SOON)) == (True, b"")
