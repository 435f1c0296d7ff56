"""The service as a process of its own, on a free port."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from free_port import free_port

STARTS_WITHIN = 180
"""Seconds: on a busy machine it takes some tens of times as long as on one that has nothing else to do."""


@dataclass(frozen=True)
class LiveService:
    """A running service."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, **settings: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60, **settings)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def refuses(self) -> bool:
        """Whether it takes no connections any more."""
        try:
            self.connect().close()
        except ConnectionError:
            return True
        return False

    def memory(self, field: str = "VmRSS") -> int:
        """Bytes of memory: `VmRSS` now, `VmHWM` at most so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"{field}:\s+(\d+) kB", status)
        assert found
        return int(found[1]) * 1024

    def cpu_seconds(self) -> float:
        """What it has had of the CPUs so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @contextmanager
    def spends(self, at_most: float) -> Iterator[None]:
        """In this block it has no more than that many seconds of the CPUs."""
        before = self.cpu_seconds()
        yield
        assert self.cpu_seconds() - before < at_most

    def terminate(self, sig: int = signal.SIGTERM) -> None:
        self.process.send_signal(sig)


SERVE = (sys.executable, "-c", "from chainrule.api.server import serve; serve()")
AT_A_TERMINAL = (*SERVE[:2], f"import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL); {SERVE[2]}")
"""Where its closing counts, though the tests may run under `nohup`."""


@contextmanager
def live_service(log: Path, command: Sequence[str] = SERVE, /, **settings: object) -> Iterator[LiveService]:
    """A service under `settings`, each set in its environment, until the end of the block.

    In `command`, `{port}` stands for the port, for a command that takes no setting for it.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CHAINRULE_")}
    with free_port() as port, log.open("wb") as output:
        chosen = {f"CHAINRULE_{name.upper()}": str(value) for name, value in {"port": port, **settings}.items()}
        process = subprocess.Popen(
            [part.replace("{port}", str(port)) for part in command],
            env={**inherited, **chosen, "OMP_NUM_THREADS": "1"},
            stderr=output,
        )
        service = LiveService(port, process, log)
        try:
            _wait(service)
            yield service
        finally:
            process.kill()
            process.wait(20)


def _wait(service: LiveService) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and service.process.poll() is None:
        try:
            if httpx.get(f"{service.url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"the service did not start: {service.log.read_text()}")
