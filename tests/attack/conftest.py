"""A service to attack."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from attack.bodies import spoilt
from live_service import LiveService, live_service


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """Its log, at the end, must hold no fault."""
    with live_service(tmp_path_factory.mktemp("attacked") / "log", log_level="warning", body_seconds=5) as service:
        yield service
        assert "traceback" not in service.log.read_text()


@pytest.fixture(scope="session")
def client(attacked: LiveService) -> Iterator[httpx.Client]:
    with attacked.client(headers={"Content-Type": "application/json"}) as client:
        yield client


@pytest.fixture(autouse=True)
def still_alive(client: httpx.Client) -> Iterator[None]:
    """After every attack a sound request is answered, and rightly."""
    yield
    reply = client.post("/v1/gradients", content=spoilt(), timeout=30)
    assert reply.status_code == 200, reply.text
    assert reply.json()["gradients"] == {"W1": [[1.0, 11.5]], "b1": [3.5]}
