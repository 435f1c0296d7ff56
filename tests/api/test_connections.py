"""What many connections together leave unread."""

import asyncio
import socket

import pytest
import uvicorn
import uvloop
from uvicorn.server import ServerState

from chainrule.api.connections import Connection, Unread

REPLY = b"x" * (1 << 25)
"""Some times more than the system takes in for a caller that does not read."""
ASK = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
SOON = 30


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


async def asked_in_turn(most, callers, is_read):
    """How many of so many callers get a whole reply in the end. Each, asked in turn, reads only then, or at once."""
    config = uvicorn.Config(application, log_config=None)
    config.load()
    state, unread = ServerState(), Unread(most)
    loop, connections, whole = asyncio.get_running_loop(), [], []

    async with await loop.create_server(lambda: Connection(config, state, {}, unread=unread), "127.0.0.1", 0) as server:
        for _ in range(callers):
            connection = socket.socket()
            connection.setblocking(False)
            connections.append(connection)
            await loop.sock_connect(connection, server.sockets[0].getsockname())
            await loop.sock_sendall(connection, ASK)
            while state.total_requests < len(connections):
                await asyncio.sleep(0.01)
            if is_read:
                whole.append(REPLY in await read(connection))
        if not is_read:
            whole = [REPLY in await read(connection) for connection in connections]
        for connection in connections:
            connection.close()
        while state.connections:
            await asyncio.sleep(0.01)
    assert unread.total == 0
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
