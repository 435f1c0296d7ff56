"""Services with little room, so that a test reaches their limits at small cost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.in_process import InProcess
from live_service import LiveService, live_service

SMALL = {"max_body_bytes": 50_000, "inline_bytes": 2_000}


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """A service that takes short bodies only. At its end its log must hold no fault."""
    with live_service(tmp_path_factory.mktemp("small") / "log", **SMALL) as service:
        yield service
        assert "traceback" not in service.log.read_text()


@pytest.fixture(scope="session")
def client(small: LiveService) -> Iterator[httpx.Client]:
    with small.client() as client:
        yield client


@pytest.fixture(scope="session")
def in_process() -> InProcess:
    """The application with the default settings."""
    return InProcess()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where a service of the test's own logs."""
    return tmp_path / "log"
