"""What reaches the transport, and when."""

import asyncio
import socket

import pytest
import uvloop

from chainrule.api import joined_writes
from chainrule.api.joined_writes import COPIED, SHORT, Joining


class Recorded:
    """A transport that keeps what it is told."""

    def __init__(self):
        self.told = []

    def write(self, data):
        self.told.append(bytes(data))

    def writelines(self, parts):
        self.told.append([bytes(part) for part in parts])

    def close(self):
        self.told.append("close")

    def is_closing(self):
        return "close" in self.told

    def get_write_buffer_size(self):
        return 0


def told(steps):
    """What the transport has been told after `steps`."""
    transport = Recorded()

    async def run():
        await steps(Joining(transport, asyncio.get_running_loop()))

    asyncio.run(run())
    return transport.told


def test_a_head_goes_out_with_its_body():
    async def steps(joining):
        joining.write(b"head")
        joining.write(b"body")

    assert told(steps) == [b"headbody"]


def test_a_long_body_is_not_copied():
    body = b"x" * (COPIED + 1)

    async def steps(joining):
        joining.write(b"head")
        joining.write(body)

    assert told(steps) == [[b"head", body]]


def test_a_head_without_a_body_goes_out_in_the_next_turn():
    seen = []

    async def steps(joining):
        joining.write(b"head")
        seen.append(list(joining.told))
        await asyncio.sleep(0)
        seen.append(list(joining.told))
        joining.write(b"body")
        await asyncio.sleep(0)

    assert told(steps) == [b"head", b"body"]
    assert seen == [[], [b"head"]]


def test_a_long_write_waits_for_nothing():
    async def steps(joining):
        joining.write(b"x" * (SHORT + 1))
        assert joining.told

    told(steps)


def test_closing_sends_what_is_held_first():
    async def steps(joining):
        joining.write(b"head")
        joining.close()
        assert joining.is_closing()

    assert told(steps) == [b"head", "close"]


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_bytes_arrive_whole_and_in_order_over_a_socket(run):
    parts = [b"h", b"b" * 10, b"c" * (COPIED + 5), b"d", b"", b"e" * (SHORT + 1), b"f"] * 5

    class Sender(asyncio.Protocol):
        def connection_made(self, transport):
            joining = Joining(transport, asyncio.get_running_loop())
            for part in parts:
                joining.write(part)
            joining.close()

    async def received():
        server = await asyncio.get_running_loop().create_server(Sender, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            found = await reader.read()
            writer.close()
            return found

    assert run(received()) == b"".join(parts)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_connection_whose_caller_does_not_read_is_closed_all_the_same(run, monkeypatch):
    monkeypatch.setattr(joined_writes, "UNREAD", 0.1)
    lost = asyncio.Event()

    class Sender(asyncio.Protocol):
        def connection_made(self, transport):
            joining = Joining(transport, asyncio.get_running_loop())
            joining.write(b"x" * (1 << 24))
            joining.close()

        def connection_lost(self, error):
            lost.set()

    async def unread():
        server = await asyncio.get_running_loop().create_server(Sender, "127.0.0.1", 0)
        async with server:
            with socket.create_connection(server.sockets[0].getsockname()[:2]):
                await asyncio.wait_for(lost.wait(), 10)

    run(unread())
