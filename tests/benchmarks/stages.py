"""Where the microseconds of a small request go: `python tests/benchmarks/stages.py` prints a table for each backend.

In process, on one thread: CPU time, the quickest of many parts. What the server around the application takes, its
sockets among it, is in the time of the echo of `small_requests`.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything loads NumPy or torch

from gradients import HOMEWORK
from networks import problem
from small_requests import our_body

from chainrule.api import create_app
from chainrule.engine.backward import pull_back
from chainrule.engine.trace import run_forward
from chainrule.operations import Calls
from chainrule.schemas.encoding import encode

PARTS, TIMES = 60, 50


def main() -> None:
    for backend in ("numpy", "torch"):
        body = our_body(problem(HOMEWORK), backend)
        stages = dict(of_computing(body))
        whole = in_process(body)
        stages["HTTP, and caches colder than in the loops above"] = whole - sum(stages.values())
        print(f"\n{backend}: {whole:.0f} µs in process, {len(body)} bytes in\n")
        print("\n".join(f"{name:60} {seconds:6.1f} µs {seconds / whole:6.0%}" for name, seconds in stages.items()))


def of_computing(body: bytes) -> Iterator[tuple[str, float]]:
    """Microseconds of each stage from the body to the reply's text."""
    calls = Calls()
    call: Any = calls.parse("gradients", body)
    operation, arrays = call.operation, call.arrays
    prepared, program = operation.prepared, operation.program
    plan, xp = prepared.plan, prepared.xp
    with xp.computing():
        leaves = prepared.device_leaves(arrays)
        trace = run_forward(plan, xp, leaves)
        reply = call.run()
        envelope = calls.structures.cut("gradients", body)
        assert envelope is not None
        structure = calls.structures.find("gradients", envelope)
        assert structure is not None
        decoded = quickest(lambda: structure.layout.arrays(envelope.spans))
        made_ready = quickest(lambda: calls.recall("gradients", body))
        brought = quickest(lambda: prepared.device_leaves(arrays))
        forward = quickest(lambda: run_forward(plan, xp, leaves))
        backward = quickest(lambda: pull_back(trace, program, 1.0))
        ran = quickest(call.run)
    yield "cut the body like an earlier one, find its plan", made_ready - decoded
    yield "decode six tensors, strictly", decoded
    yield "hand them to the backend", brought
    yield "forward", forward
    yield "backward", backward
    yield "kinks, layout, warnings, the reply's tree", ran - brought - forward - backward
    yield "encode the reply", quickest(lambda: encode(reply))


def in_process(body: bytes) -> float:
    """Microseconds of the whole application for a request, without a server around it."""
    app = create_app()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    scope = {"type": "http", "method": "POST", "path": "/v1/gradients", "headers": headers, "query_string": b""}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        assert message.get("status", 200) == 200

    async def measured() -> float:
        async with app.router.lifespan_context(app):
            best = float("inf")
            for _ in range(PARTS):
                started = time.thread_time()
                for _ in range(TIMES):
                    await app(dict(scope), receive, send)
                best = min(best, (time.thread_time() - started) / TIMES)
            return best * 1e6

    with suppress(ImportError):
        import uvloop

        return uvloop.run(measured())
    return asyncio.run(measured())


def quickest(work: Callable[[], object]) -> float:
    """Microseconds of CPU time of the quickest of many parts."""
    best = float("inf")
    for _ in range(PARTS):
        started = time.thread_time()
        for _ in range(TIMES):
            work()
        best = min(best, (time.thread_time() - started) / TIMES)
    return best * 1e6


if __name__ == "__main__":
    main()
