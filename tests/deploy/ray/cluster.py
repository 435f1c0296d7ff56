"""Ray on one machine, each of its nodes a group of processes that can be killed at once."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import ray
from ray import serve
from ray.serve.context import _set_global_client

import waiting

ROOT = Path(__file__).parents[3]
CONFIGURATION = ROOT / "service" / "deploy" / "ray" / "serve.yaml"
BIN = Path(sys.executable).parent
ADDRESS = "127.0.0.1:6379"
URL = "http://127.0.0.1:8000"
until = partial(waiting.until, within=240)
"""It takes long to start."""


@dataclass
class Node:
    """What `ray start` started: a session of processes."""

    process: subprocess.Popen[bytes]

    def processes(self, name: str = "") -> set[int]:
        """Those that go by a name."""
        return {found for found in map(int, filter(str.isdecimal, os.listdir("/proc"))) if self._has(found, name)}

    def kill(self) -> None:
        """As when the machine loses power: everything at once, and nothing is said to anybody."""
        while found := self.processes():
            for each in found:
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)
            self.process.poll()

    def _has(self, process: int, name: str) -> bool:
        try:
            state, _, _, session = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[:4]
            command = Path(f"/proc/{process}/cmdline").read_bytes()
        except OSError:
            return False
        return int(session) == self.process.pid and state != "Z" and command.startswith(name.encode())


@dataclass
class Cluster:
    """Nodes of one CPU each."""

    folder: Path
    environment: Mapping[str, str]
    head: Node
    others: list[Node] = field(default_factory=list)

    def add_node(self) -> Node:
        """Another node, whose proxy listens beside the head's."""
        beside = {
            "RAY_SERVE_WORKER_PROXY_HTTP_PORT": "8001",
            "RAY_SERVE_HAPROXY_STATS_PORT": "8405",
            "RAY_SERVE_HAPROXY_METRICS_PORT": "9102",
        }
        log = self.folder / f"node{len(self.others) + 1}.log"
        node = start_node(log, {**self.environment, **beside}, f"--address={ADDRESS}")
        self.others.append(node)
        return node

    def replicas(self) -> set[int]:
        """The processes of replicas, on whatever node."""
        return {each for node in (self.head, *self.others) for each in node.processes("ray::ServeReplica")}

    def running(self) -> int:
        """How many replicas answer requests."""
        application = serve.status().applications.get("chainrule")
        deployment = application and application.deployments.get("chainrule")
        return deployment.replica_states.get("RUNNING", 0) if deployment else 0

    def await_replicas(self, count: int) -> float:
        """Seconds until so many replicas run. Raises AssertionError."""
        return until(lambda: self.running() == count, f"{count} replicas")


def start_node(log: Path, environment: Mapping[str, str], *where: str) -> Node:
    """A node of one CPU."""
    command = [BIN / "ray", "start", "--block", "--num-cpus=1", "--object-store-memory=100000000", *where]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--disable-usage-stats"],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Node(process)


def leads_nowhere() -> bool:
    """Whether this process has a network without any route, of its own: Ray opens ports to whoever asks."""
    return len(Path("/proc/self/net/route").read_text().splitlines()) == 1  # the heading


@contextmanager
def cluster(folder: Path, **variables: str) -> Iterator[Cluster]:
    """A head and another node.

    folder: for Ray's files; its sockets want a short path. variables: in the environment of all that is started.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CHAINRULE_", "RAY_"))}
    environment = {
        **kept,
        "HOME": str(folder),
        "RAY_TMPDIR": str(folder),
        "PATH": f"{BIN}{os.pathsep}{kept['PATH']}",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "admin.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "server-state"),
        **variables,
    }
    head = start_node(folder / "head.log", environment, "--head", "--port=6379", "--include-dashboard=false")
    found = Cluster(folder, environment, head)
    try:
        until(lambda: _listens(6379), "head")
        found.add_node()
        yield found
    finally:
        for node in (*found.others, found.head):
            node.kill()


@contextmanager
def serving(found: Cluster) -> Iterator[None]:
    """The service as `service/deploy/ray/serve.yaml` has it: two replicas."""
    process = subprocess.Popen(
        [BIN / "serve", "run", "--address", ADDRESS, CONFIGURATION],
        env=found.environment,
        stdout=(found.folder / "serve.log").open("wb"),
        stderr=subprocess.STDOUT,
    )
    try:
        until(ready, "service")
        ray.init(ADDRESS, log_to_driver=False, configure_logging=False)
        found.await_replicas(2)
        yield
    finally:
        _set_global_client(None)
        ray.shutdown()
        process.kill()
        process.wait(20)


def _listens(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def ready(url: str = URL) -> bool:
    """Whether the service answers there that it takes requests."""
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
