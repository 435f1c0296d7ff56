"""Requests from a C load generator, wrk, and what is checked before it starts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import orjson
from networks import PARAMETERS
from pairs import Turn

CONNECTIONS = 8
PATIENCE = 60
"""Seconds after which a request counts as failed, and not the two of wrk's own: a busy machine may take them."""
NO_WRK = "wrk is not installed (Debian's package wrk)"


def has_wrk() -> bool:
    """Whether the load generator is here."""
    return shutil.which("wrk") is not None


def loaded(url: str, body: Path, seconds: int) -> Turn:
    """Seconds for one POST of a file under load, over so many seconds. Raises RuntimeError where any fails."""
    script = str(Path(__file__).with_name("post.lua"))
    how = ("-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", f"--timeout={PATIENCE}s")
    command = ["wrk", *how, "-s", script, url, "--", str(body)]

    def turn() -> float:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        requests, microseconds, failures = map(int, done.stdout.splitlines()[-1].split())
        if failures or not requests:
            raise RuntimeError(f"{url}: {failures} of {requests} requests failed")
        return microseconds / 1e6 / requests

    return turn


def answer(url: str, body: bytes) -> Any:
    """What a service answers."""
    reply = httpx.post(url, content=body, headers={"Content-Type": "application/json"}, timeout=60)
    reply.raise_for_status()
    return orjson.loads(reply.content)


def check_equal(ours: dict[str, Any], peer: dict[str, Any]) -> None:
    """Raises AssertionError where outputs, loss or gradients differ, whichever of them the peer returns."""
    for key in {"outputs", "loss"} & peer.keys():
        np.testing.assert_allclose(ours[key], peer[key], rtol=1e-12)
    for name in PARAMETERS:
        np.testing.assert_allclose(ours["gradients"][name], peer["gradients"][name], rtol=1e-12, atol=1e-14)
