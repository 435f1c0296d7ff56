"""Both clients behind one blocking face, so that every test of behaviour runs on each."""

import asyncio
import os
import time

import anyio
import httpx
import pytest

from chainrule_client import AsyncClient, Client


class Caller:
    """Makes calls to a handler in the service's place, and notes what was sent and how long was waited."""

    def __init__(self, kind):
        self.kind = kind
        self.sent = []
        self.waits = []

    def __call__(self, handler, method, *args, settings=None, **kwargs):
        def noting(request):
            self.sent.append(request)
            return handler(request)

        transport = httpx.MockTransport(noting)
        settings = {"base_url": "http://service", **(settings or {})}
        if self.kind == "sync":
            with Client(transport=transport, **settings) as client:
                return getattr(client, method)(*args, **kwargs)

        async def call():
            async with AsyncClient(transport=transport, **settings) as client:
                return await getattr(client, method)(*args, **kwargs)

        return asyncio.run(call())


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    """The environment names no service, nor anything else."""
    for name in [name for name in os.environ if name.startswith("CHAINRULE_")]:
        monkeypatch.delenv(name)


@pytest.fixture(params=["sync", "async"])
def call(request, monkeypatch):
    caller = Caller(request.param)

    async def wait(seconds):
        caller.waits.append(seconds)

    monkeypatch.setattr(time, "sleep", caller.waits.append)
    monkeypatch.setattr(anyio, "sleep", wait)
    return caller
