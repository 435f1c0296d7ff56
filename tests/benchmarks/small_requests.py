"""Small gradient requests over HTTP, a C load generator at 8 connections, one worker on each side.

Against a route that only returns the same bytes, the floor of anything that Python serves; and against plain FastAPI.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
from gradients import HOMEWORK
from load import NO_WRK, answer, check_equal, has_wrk, loaded
from networks import PARAMETERS, Problem, problem
from pairs import TOLD, Goal, Row, Skipped, paired
from servers import ECHO, OURS, PLAIN_FASTAPI, serving

WHAT = f"gradient requests ({HOMEWORK}, float64)"
OF_ECHO = {"torch": 0.3, "numpy": 0.45}
OF_FASTAPI = {"torch": 2.0, "numpy": 3.0}


def measure(quick: bool) -> Iterator[Row | Skipped]:
    """The goal against FastAPI is for its `def` endpoint; `async def`, which blocks its loop, is told beside it."""
    if not has_wrk():
        yield Skipped(WHAT, NO_WRK)
        return
    seconds, turns = (1, 2) if quick else (2, 7)
    net = problem(HOMEWORK)
    with ExitStack() as open_until_the_end:
        folder = Path(open_until_the_end.enter_context(tempfile.TemporaryDirectory()))
        ours, echo, fastapi = (open_until_the_end.enter_context(serving(each)) for each in (OURS, ECHO, PLAIN_FASTAPI))
        theirs = peer_body(net)
        files = {"peer": written(folder, "peer", theirs)}
        for backend in OF_ECHO:
            body = our_body(net, backend)
            files[backend] = written(folder, backend, body)
            url = f"{ours}/v1/gradients"
            own = f"{backend} backend", loaded(url, files[backend], seconds)
            assert answer(f"{echo}/echo", body) == orjson.loads(body)
            floor = "Starlette, the same bytes back", loaded(f"{echo}/echo", files[backend], seconds)
            yield paired(WHAT, own, floor, Goal("times as fast", OF_ECHO[backend]), turns)
            for path, name in (("in_a_thread", "FastAPI, def"), ("in_the_loop", "FastAPI, async def")):
                peer = f"{fastapi}/{path}"
                check_equal(answer(url, body), answer(peer, theirs))
                goal = Goal("times as fast", OF_FASTAPI[backend]) if path == "in_a_thread" else TOLD
                yield paired(WHAT, own, (name, loaded(peer, files["peer"], seconds)), goal, turns)


def our_body(net: Problem, backend: str) -> bytes:
    """A request of `/v1/gradients`."""
    values = net.values
    layers = [
        {"op": "linear", "weight": values["W1"], "bias": values["b1"]},
        {"op": "relu"},
        {"op": "linear", "weight": values["W2"], "bias": values["b2"]},
    ]
    return in_json(
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
    """The same numbers, by name."""
    parameters = {name: net.values[name] for name in PARAMETERS}
    return in_json({"inputs": net.values["x"], "targets": net.values["y"], **parameters})


def in_json(tree: dict[str, Any]) -> bytes:
    """Arrays as nested lists."""
    return orjson.dumps(tree, option=orjson.OPT_SERIALIZE_NUMPY)


def written(folder: Path, name: str, body: bytes) -> Path:
    """A file for the load generator."""
    path = folder / f"{name}.json"
    path.write_bytes(body)
    return path
