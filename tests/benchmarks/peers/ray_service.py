"""Gradients behind Ray Serve: one replica and its proxy, no dashboard. `python ray_service.py PORT`."""

from __future__ import annotations

import signal
import sys
from typing import Any

import ray
from autograd import gradients
from ray import serve
from starlette.requests import Request


@serve.deployment(num_replicas=1, max_ongoing_requests=64)
class Gradients:
    """A deployment that takes Starlette's request, which costs less than a FastAPI application inside it."""

    async def __call__(self, request: Request) -> dict[str, Any]:
        return gradients(await request.json())


if __name__ == "__main__":
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    ray.init(address="local", include_dashboard=False, _node_ip_address="127.0.0.1", log_to_driver=False)
    serve.start(
        http_options={"host": "127.0.0.1", "port": int(sys.argv[1])}, logging_config={"enable_access_log": False}
    )
    serve.run(Gradients.bind(), route_prefix="/gradients", logging_config={"enable_access_log": False})
    signal.sigwait(signals)
    serve.shutdown()
    ray.shutdown()
