"""Services in processes of their own, on loopback ports that were free, one worker and one compute thread each."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

START_SECONDS = 60
OURS = ("chainrule.api:app", "/livez")
PEER = ("plain_service:app", "/docs")


@contextmanager
def serving(app: str, ready: str) -> Iterator[str]:
    """The base URL of `app` while uvicorn serves it; `ready` is a path that answers 200 once it does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--no-access-log", "--log-level", "warning"],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parent)},
        stderr=subprocess.PIPE,
    )
    try:
        base = f"http://127.0.0.1:{port}"
        _wait(server, base + ready)
        yield base
    finally:
        server.terminate()
        try:
            server.wait(timeout=15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(server: subprocess.Popen[bytes], url: str) -> None:
    started = time.monotonic()
    while time.monotonic() < started + START_SECONDS:
        if server.poll() is not None:
            assert server.stderr is not None
            raise RuntimeError(f"the server ended before it began: {server.stderr.read().decode()[-2000:]}")
        try:
            if httpx.get(url).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"{url} did not answer within {START_SECONDS} s")
