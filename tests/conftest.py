"""A service that tests of whole paths share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from live_service import live_service


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a service with the default settings answers."""
    with live_service(tmp_path_factory.mktemp("service") / "log") as service:
        yield service.url
