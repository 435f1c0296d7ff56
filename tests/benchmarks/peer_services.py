"""The homework's gradients from frameworks that serve models, one worker each, under the same load.

Each peer computes them by torch autograd, in the way its documentation shows first, and is checked before it is timed.
Ours and the peer are up together and are loaded in turns.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from environment import MISSING
from load import NO_WRK, answer, check_equal, has_wrk, loaded
from networks import PARAMETERS, Problem, problem
from pairs import Goal, Row, Skipped, paired
from servers import BENTOML, LITSERVE, OURS, PYTHON, RAY_SERVE, TESSERACT, Service, serving
from small_requests import HOMEWORK, WHAT, in_json, our_body, peer_body, written


@dataclass(frozen=True)
class Peer:
    """A service, its endpoint, the body it takes, and the gradients by name in what it answers."""

    service: Service
    path: str
    body: Callable[[Problem], bytes] = peer_body
    read: Callable[[Any], dict[str, Any]] = dict


def measure(quick: bool) -> Iterator[Row | Skipped]:
    """Ahead of every one of them, on either backend."""
    if not has_wrk() or not Path(PYTHON).exists():
        yield Skipped(f"{WHAT} against other services", MISSING if has_wrk() else NO_WRK)
        return
    seconds, turns = (1, 2) if quick else (2, 5)
    net = problem(HOMEWORK)
    with tempfile.TemporaryDirectory() as made, serving(OURS) as ours:
        folder, url = Path(made), f"{ours}/v1/gradients"
        bodies = {backend: our_body(net, backend) for backend in ("torch", "numpy")}
        files = {backend: written(folder, backend, body) for backend, body in bodies.items()}
        for number, (name, peer) in enumerate(PEERS.items()):
            theirs = peer.body(net)
            file = written(folder, f"peer{number}", theirs)
            with serving(peer.service) as base:
                for backend, body in bodies.items():
                    check_equal(answer(url, body), peer.read(answer(base + peer.path, theirs)))
                    own = f"{backend} backend", loaded(url, files[backend], seconds)
                    other = name, loaded(base + peer.path, file, seconds)
                    yield paired(WHAT, own, other, Goal("times as fast", 1), turns)


def tesseract_body(net: Problem) -> bytes:
    """A vector-Jacobian product with the cotangent 1, tensors as its clients send them."""
    arrays = orjson.loads(peer_body(net))
    inputs = {
        name: _encoded(array, net.values[{"inputs": "x", "targets": "y"}.get(name, name)].shape)
        for name, array in arrays.items()
    }
    return in_json(
        {
            "inputs": inputs,
            "vjp_inputs": PARAMETERS,
            "vjp_outputs": ["loss"],
            "cotangent_vector": {"loss": _encoded(1.0, ())},
        }
    )


def _encoded(buffer: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    data = {"buffer": buffer, "encoding": "json"}
    return {"object_type": "array", "shape": shape, "dtype": "float64", "data": data}


def tesseract_gradients(reply: Any) -> dict[str, Any]:
    return {"gradients": {name: array["data"]["buffer"] for name, array in reply.items()}}


PEERS = {
    "LitServe": Peer(LITSERVE, "/gradients"),
    "BentoML": Peer(BENTOML, "/gradients"),
    "Ray Serve": Peer(RAY_SERVE, "/gradients"),
    "tesseract-core": Peer(TESSERACT, "/vector_jacobian_product", tesseract_body, tesseract_gradients),
}
