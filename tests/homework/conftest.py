"""Posting a problem of the homework to a running service."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest

from homework.net import Post
from torch_device import device_of


@pytest.fixture(params=["torch", "numpy"])
def post(request: pytest.FixtureRequest, url: str) -> Post:
    """Posts a problem to an endpoint, on either backend, and returns the reply."""

    def posted(endpoint: str, **problem: Any) -> dict[str, Any]:
        device = device_of(request.param)
        body = _plain({"backend": request.param, "device": device, **problem})
        reply = httpx.post(f"{url}/v1/{endpoint}", json=body, timeout=60)
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        assert (found["meta"]["backend"], found["meta"]["device"]) == (request.param, device)
        return found

    return posted


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.tolist() if isinstance(value, np.ndarray) else value
