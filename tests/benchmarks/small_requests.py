"""Small gradient requests over HTTP, a C load generator at 8 connections: our service against plain FastAPI."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import orjson
from gradients import HOMEWORK
from networks import PARAMETERS, Problem, problem
from pairs import TOLD, Goal, Row, Skipped, Turn, paired
from servers import OURS, PEER, serving

CONNECTIONS = 8
PEERS = {"in_a_thread": "FastAPI def", "in_the_loop": "FastAPI async def"}
BOUNDS = {"torch": 2.0, "numpy": 3.0}


def per_second(quick: bool) -> Iterator[Row | Skipped]:
    """One worker on each side. The goal is against the `def` endpoint; `async def` is told beside it."""
    what = f"gradient requests ({HOMEWORK}, float64)"
    if shutil.which("wrk") is None:
        yield Skipped(what, "wrk is not installed (Debian's package wrk)")
        return
    net = problem(HOMEWORK)
    seconds, turns = (1, 2) if quick else (3, 7)
    with tempfile.TemporaryDirectory() as folder, serving(*OURS) as ours, serving(*PEER) as peer:
        bodies = {**{backend: our_body(net, backend) for backend in BOUNDS}, "peer": peer_body(net)}
        files = {name: Path(folder, f"{name}.json") for name in bodies}
        for name, body in bodies.items():
            files[name].write_bytes(body)
        for backend, bound in BOUNDS.items():
            for path, written in PEERS.items():
                urls = f"{ours}/v1/gradients", f"{peer}/{path}"
                _check_equal(_answer(urls[0], bodies[backend]), _answer(urls[1], bodies["peer"]))
                yield paired(
                    what,
                    (f"{backend} backend", loaded(urls[0], files[backend], seconds)),
                    (written, loaded(urls[1], files["peer"], seconds)),
                    Goal("times as fast", bound) if path == "in_a_thread" else TOLD,
                    turns,
                )


def loaded(url: str, body: Path, seconds: int) -> Turn:
    """Seconds for one request under load, over so many seconds."""
    script = str(Path(__file__).with_name("post.lua"))
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", script, url, "--", str(body)]

    def turn() -> float:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        requests, microseconds, failures = map(int, done.stdout.splitlines()[-1].split())
        if failures or not requests:
            raise RuntimeError(f"{url}: {failures} of {requests} requests failed")
        return microseconds / 1e6 / requests

    return turn


def our_body(net: Problem, backend: str) -> bytes:
    values = net.values
    layers = [
        {"op": "linear", "weight": values["W1"], "bias": values["b1"]},
        {"op": "relu"},
        {"op": "linear", "weight": values["W2"], "bias": values["b2"]},
    ]
    return _json(
        {
            "network": {"layers": layers},
            "inputs": values["x"],
            "targets": values["y"],
            "loss": "mse",
            "backend": backend,
            "device": "cpu",
        }
    )


def peer_body(net: Problem) -> bytes:
    parameters = {name: net.values[name] for name in PARAMETERS}
    return _json({"inputs": net.values["x"], "targets": net.values["y"], **parameters})


def _json(tree: dict[str, Any]) -> bytes:
    return orjson.dumps(tree, option=orjson.OPT_SERIALIZE_NUMPY)


def _answer(url: str, body: bytes) -> dict[str, Any]:
    reply = httpx.post(url, content=body, headers={"Content-Type": "application/json"})
    reply.raise_for_status()
    found: dict[str, Any] = orjson.loads(reply.content)
    return found


def _check_equal(ours: dict[str, Any], peer: dict[str, Any]) -> None:
    for key in ("outputs", "loss"):
        np.testing.assert_allclose(ours[key], peer[key], rtol=1e-12)
    for name in PARAMETERS:
        np.testing.assert_allclose(ours["gradients"][name], peer["gradients"][name], rtol=1e-12, atol=1e-14)
