"""A service of our own on a free port."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from homework.net import Post


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "chainrule.api:app", "--port", str(port), "--log-level", "warning"]
    server = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
    base = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                if httpx.get(f"{base}/readyz").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        else:
            raise RuntimeError("the service did not start")
        yield base
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(params=["torch", "numpy"])
def post(request: pytest.FixtureRequest, url: str) -> Post:
    """Posts a problem to an endpoint, on either backend, and returns the reply."""

    def posted(endpoint: str, **problem: Any) -> dict[str, Any]:
        body = _plain({"backend": request.param, **problem})
        reply = httpx.post(f"{url}/v1/{endpoint}", json=body, timeout=60)
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        assert found["meta"]["backend"] == request.param
        return found

    return posted


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.tolist() if isinstance(value, np.ndarray) else value
