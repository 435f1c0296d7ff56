"""A million numbers as JSON in, through a cheap net, and out again: against orjson and np.asarray by themselves."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import numpy as np
import orjson
from numpy.typing import NDArray
from pairs import Goal, Row, paired, timed
from servers import OURS, serving

from chainrule.operations.calls import Calls
from chainrule.schemas.encoding import encode

GOAL = Goal("of its time", 1.5)


def measure(quick: bool) -> Iterator[Row]:
    """In process, then over HTTP."""
    yield from in_process(quick)
    yield from over_http(quick)


def in_process(quick: bool) -> Iterator[Row]:
    """A (1000, 1000) input through relu, `forward`, so that reply and request are of one size."""
    for backend in ("numpy", "torch"):
        body = request(backend, 10 if quick else 1000)
        calls = Calls()
        ours, peer = (lambda: served(calls, body)), (lambda: by_orjson(body))  # noqa: B023
        np.testing.assert_array_equal(orjson.loads(ours())["outputs"], orjson.loads(peer())["outputs"])
        yield paired(
            f"JSON body of {len(body) / 1e6:.1f} MB, in process",
            (f"{backend} backend", timed(ours, 1)),
            ("orjson, np.asarray", timed(peer, 1)),
            GOAL,
            turns=3 if quick else 15,
        )


def over_http(quick: bool) -> Iterator[Row]:
    """The same through the service on loopback, against the same least: what HTTP adds."""
    body = request("numpy", 10 if quick else 1000)
    with serving(OURS) as base, httpx.Client(base_url=base, timeout=60) as client:

        def ours() -> bytes:
            reply = client.post("/v1/forward", content=body, headers={"Content-Type": "application/json"})
            reply.raise_for_status()
            return reply.content

        np.testing.assert_array_equal(orjson.loads(ours())["outputs"], orjson.loads(by_orjson(body))["outputs"])
        yield paired(
            f"JSON body of {len(body) / 1e6:.1f} MB, over HTTP",
            ("numpy backend", timed(ours, 1)),
            ("orjson, np.asarray, no HTTP", timed(lambda: by_orjson(body), 1)),
            Goal("of its time"),
            turns=3 if quick else 15,
        )


def request(backend: str, size: int) -> bytes:
    """A body of size² numbers of full length."""
    numbers: NDArray[np.float64] = np.random.default_rng(0).normal(size=(size, size))
    return orjson.dumps(
        {"network": {"layers": [{"op": "relu"}]}, "inputs": numbers, "backend": backend},
        option=orjson.OPT_SERIALIZE_NUMPY,
    )


def served(calls: Calls, body: bytes) -> bytes:
    """All that the service does between the request's bytes and the reply's."""
    return encode(calls.parse("forward", body).run())


def by_orjson(body: bytes) -> bytes:
    """The least that has to be done, checking nothing."""
    inputs = np.asarray(orjson.loads(body)["inputs"])
    return orjson.dumps({"outputs": np.maximum(inputs, 0)}, option=orjson.OPT_SERIALIZE_NUMPY)
