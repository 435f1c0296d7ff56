"""A cluster that the tests share, once with Serve's own proxy and once with HAProxy."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray.serve")

from deploy.ray.cluster import Cluster, cluster, leads_nowhere, serving

PROXIES = {"serve": {}, "haproxy": {"RAY_SERVE_ENABLE_HA_PROXY": "1"}}


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder with a short path, which is gone afterwards."""
    if not leads_nowhere():
        reason = "Ray opens ports: `make test-ray` runs these tests in a network of their own"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    made = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))
    before = os.environ.get("HOME")
    os.environ["HOME"] = str(made)
    yield made
    os.environ.pop("HOME") if before is None else os.environ.update(HOME=before)
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session", params=PROXIES)
def ray_cluster(request: pytest.FixtureRequest, folder: Path) -> Iterator[Cluster]:
    """Two nodes with a replica each, behind each kind of proxy."""
    own = folder / request.param[0]
    own.mkdir()
    with cluster(own, CHAINRULE_QUEUE="2", **PROXIES[request.param]) as found, serving(found):
        yield found
