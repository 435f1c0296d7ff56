"""Services in processes of their own, on loopback ports that were free, one worker and one compute thread each."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from environment import PEERS, variables

sys.path.insert(0, str(Path(__file__).parents[1]))

from free_port import free_port

START_SECONDS = 120
STOP_SECONDS = 20
HERE = Path(__file__).parent / "peers"
PYTHON = str(PEERS / "python")


@dataclass(frozen=True)
class Service:
    """A command, in which `{port}` stands for the port, and a path that answers 200 once it serves."""

    command: tuple[str, ...]
    ready: str
    variables: Mapping[str, str] = field(default_factory=dict)


def by_uvicorn(app: str, ready: str) -> Service:
    """`app` under uvicorn in our environment, no request logged."""
    quietly = ("--no-access-log", "--log-level", "warning")
    return Service((sys.executable, "-m", "uvicorn", app, "--port", "{port}", *quietly), ready)


OURS = Service(
    (str(Path(sys.executable).with_name("chainrule")), "serve", "--port", "{port}"),
    "/readyz",
    {"CHAINRULE_LOG_LEVEL": "warning"},
)
ECHO = by_uvicorn("echo:app", "/echo")
PLAIN_FASTAPI = by_uvicorn("plain_fastapi:app", "/docs")
LITSERVE = Service((PYTHON, str(HERE / "litserve_service.py"), "{port}"), "/health")
RAY_SERVE = Service((PYTHON, str(HERE / "ray_service.py"), "{port}"), "/-/healthz", {"RAY_USAGE_STATS_ENABLED": "0"})
BENTOML = Service(
    (PYTHON, "-m", "bentoml", "serve", "bento_service:Gradients", "--host", "127.0.0.1", "--port", "{port}", "-q"),
    "/readyz",
    {"BENTOML_DO_NOT_TRACK": "True"},
)
TESSERACT = Service(
    (PYTHON, "-m", "tesseract_core.runtime", "serve", "--host", "127.0.0.1", "--port", "{port}"),
    "/health",
    {"TESSERACT_API_PATH": str(HERE / "tesseract_api.py")},
)


@contextmanager
def serving(service: Service) -> Iterator[str]:
    """The base URL of a service while it runs. Raises RuntimeError where it does not come up."""
    with (
        free_port() as port,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryFile() as log,
    ):
        command = [part.replace("{port}", str(port)) for part in service.command]
        # A folder and a home of its own: some peers write where they run.
        server = subprocess.Popen(
            command,
            cwd=folder,
            env={**variables(HERE), "HOME": folder, **service.variables},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            base = f"http://127.0.0.1:{port}"
            if not _answers(server, base + service.ready):
                log.seek(0)
                raise RuntimeError(f"{' '.join(command)} did not come up: {log.read().decode()[-3000:]}")
            yield base
        finally:
            _end(server)


def _answers(server: subprocess.Popen[bytes], url: str) -> bool:
    started = time.monotonic()
    while time.monotonic() < started + START_SECONDS and server.poll() is None:
        try:
            if httpx.get(url, timeout=5).status_code == httpx.codes.OK:
                return True
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    return False


def _end(server: subprocess.Popen[bytes]) -> None:
    """Ask it to end, then end what is left of its process group."""
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
