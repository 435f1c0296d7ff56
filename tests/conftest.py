"""A service that tests of whole paths share, and how made-up examples are run: for as long as they take."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from live_service import live_service

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a service with the default settings answers."""
    with live_service(tmp_path_factory.mktemp("service") / "log") as service:
        yield service.url
