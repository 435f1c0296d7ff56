"""Builds the image and runs it with podman, from Debian's packages alone: no engine's daemon, no image registry.

The base image is made here by mmdebstrap. Everything lives in a temporary folder, storage included, and goes
when the session ends.
"""

import ast
import configparser
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse

import httpx
import pytest

from free_port import free_port

ROOT = Path(__file__).parents[2]
BASE = "localhost/pybase:slim"
IMAGE = "localhost/chainrule:test"
HARDENED = ("--read-only", "--read-only-tmpfs=false", "--cap-drop=ALL", "--security-opt=no-new-privileges")

# runc refuses the ulimits that podman asks for by default where the machine's own are lower.
CONTAINERS_CONF = '[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n'


@dataclass(frozen=True)
class Podman:
    """podman with its storage in `folder`."""

    folder: Path

    def command(self, *arguments: str) -> list[str]:
        places = [f"--{option}={self.folder / option}" for option in ("root", "runroot", "tmpdir")]
        # crun, the default, fails on hybrid cgroups.
        return ["podman", "--runtime=runc", *places, *arguments]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "CONTAINERS_CONF": str(self.folder / "containers.conf")}

    def __call__(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*arguments), env=self.environment(), capture_output=True, text=True, check=False
        )
        if check and done.returncode:
            pytest.fail(f"podman {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """The same without waiting for its end."""
        return subprocess.Popen(self.command(*arguments), env=self.environment(), text=True)


@dataclass(frozen=True)
class Container:
    """A running container of the image, on the host's network."""

    podman: Podman
    name: str
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def exec(self, *command: str) -> str:
        return self.podman("exec", self.name, *command).stdout

    def state(self, field: str) -> str:
        return self.podman("inspect", "--format", f"{{{{.State.{field}}}}}", self.name).stdout.strip()

    def wait_until_alive(self, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/livez", timeout=1).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        pytest.fail(f"not alive within {seconds} s\n{self.podman('logs', self.name).stderr}")


def missing() -> list[str]:
    tools = [tool for tool in ("podman", "buildah", "runc", "mmdebstrap") if shutil.which(tool) is None]
    return tools if os.geteuid() == 0 else [*tools, "root"]


def remove(folder: Path, seconds: float = 20) -> None:
    """podman tidies up after a container in the background, and until then keeps its storage mounted."""
    deadline = time.monotonic() + seconds
    while folder.exists():
        subprocess.run(["umount", "--quiet", folder / "root" / "overlay"], check=False)
        shutil.rmtree(folder, ignore_errors=time.monotonic() < deadline)
        time.sleep(0.1)


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    if lacking := missing():
        reason = f"building the image needs {', '.join(lacking)}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("podman")
    (folder / "containers.conf").write_text(CONTAINERS_CONF)
    run = Podman(folder)
    try:
        yield run
    finally:
        run("rm", "--all", "--force", "--time=0", check=False)
        remove(folder)


@pytest.fixture(scope="session")
def base_image(podman: Podman) -> str:
    """A stand-in for python:3.11-slim: Debian with its Python, pip and venv."""
    archive = podman.folder / "base.tar"
    sources = [str(path) for path in sorted(Path("/etc/apt").glob("sources.list*/*"))]
    if (one_file := Path("/etc/apt/sources.list")).is_file():
        sources.append(str(one_file))
    sources = [source for source in sources if source.endswith((".list", ".sources"))]
    as_in_the_slim_image = 'rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED; ln -s python3 "$1"/usr/bin/python'
    subprocess.run(
        [
            "mmdebstrap",
            "--quiet",
            "--variant=apt",
            "--include=ca-certificates,python3,python3-venv,python3-pip",
            f"--customize-hook={as_in_the_slim_image}",
            platform.freedesktop_os_release()["VERSION_CODENAME"],
            str(archive),
            *sources,
        ],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    podman("import", str(archive), BASE)
    archive.unlink()
    return BASE


def pip_settings() -> dict[str, str]:
    """What pip is told on this machine, by its files and by the environment, which goes first."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.partition("=") for line in listing.splitlines()]
    rows.sort(key=lambda row: row[0].startswith(":env:"))
    return {name.rpartition(".")[2]: ast.literal_eval(value) for name, _, value in rows}


def folders_named_by(settings: dict[str, str]) -> set[Path]:
    """The files and folders of this machine that the settings point to."""
    found = set()
    for word in " ".join(settings.values()).split():
        # The pages of an index in a folder link to files beside the index.
        path = Path(unquote(urlparse(word).path)).parent if word.startswith("file:") else Path(word)
        if path.is_absolute() and path != Path("/") and path.exists():
            found.add(path)
    return found


@pytest.fixture(scope="session")
def image(podman: Podman, base_image: str) -> str:
    """The Dockerfile, built with this machine's pip settings, which stay out of the image."""
    settings = pip_settings()
    configuration = configparser.RawConfigParser()
    configuration["global"] = settings
    with (podman.folder / "pip.conf").open("w") as file:
        configuration.write(file)
    mounts = [f"--volume={path}:{path}:ro" for path in sorted(folders_named_by(settings))]
    podman(
        "build",
        "--isolation=chroot",
        "--format=docker",
        f"--build-arg=BASE_IMAGE={base_image}",
        f"--volume={podman.folder / 'pip.conf'}:/etc/pip.conf:ro",
        *mounts,
        f"--tag={IMAGE}",
        str(ROOT),
    )
    return IMAGE


@pytest.fixture(scope="session")
def run(podman: Podman, image: str) -> Iterator[Callable[..., Container]]:
    """Starts a container, hardened as the documentation advises, with further `podman run` options."""
    started: list[str] = []
    ports = ExitStack()

    def start(*options: str) -> Container:
        port = ports.enter_context(free_port())
        name = f"chainrule-{port}"
        started.append(name)
        host = ("--network=host", f"--env=CHAINRULE_PORT={port}", "--env=CHAINRULE_HOST=127.0.0.1")
        podman("run", "--detach", f"--name={name}", *host, *HARDENED, *options, image)
        container = Container(podman, name, port)
        container.wait_until_alive()
        return container

    with ports:
        yield start
    podman("rm", "--force", "--time=0", *started, check=False)


@pytest.fixture(scope="session")
def service(run: Callable[..., Container]) -> Container:
    """One container that all tests share which leave it running."""
    return run("--memory=1g")
