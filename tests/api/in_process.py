"""The application without a server: for what is decided before any socket, and for what a test has to reach into."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from chainrule.api import Settings, create_app

JSON = {"Content-Type": "application/json"}


class InProcess:
    """An application of its own under some settings."""

    def __init__(self, **settings: Any) -> None:
        self.app = create_app(Settings(**settings))

    def request(self, method: str, path: str, **sent: Any) -> httpx.Response:
        return asyncio.run(self._request(method, path, **sent))

    def get(self, path: str, **sent: Any) -> httpx.Response:
        return self.request("GET", path, **sent)

    def post(self, path: str, **sent: Any) -> httpx.Response:
        return self.request("POST", path, **sent)

    async def _request(self, method: str, path: str, **sent: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://in.process") as client:
            return await client.request(method, path, **sent)
