"""Whether the process lives, and whether it takes requests now."""

from __future__ import annotations

import gc
import logging

from fastapi import APIRouter, Request
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.responses import Response

from chainrule.api.problems import Problem
from chainrule.operations import OPERATIONS, Calls, Refused
from chainrule.schemas.reference import Health as HealthReply

logger = logging.getLogger("chainrule.api")
router = APIRouter(tags=["health"])

_NETWORK = {"layers": [{"op": "linear", "weight": [[1.0]]}, {"op": "tanh"}]}
_PROBLEM = {"network": _NETWORK, "inputs": [[1.0]], "targets": [[1.0]], "loss": "mse"}


class Health:
    """Ready once every backend has computed something, and until the service drains."""

    def __init__(self) -> None:
        self.warm = False
        self.draining = False

    @property
    def unready(self) -> str | None:
        """Why no requests should be sent here now, if so."""
        if self.draining:
            return "the service is shutting down"
        return None if self.warm else "the service is starting"

    def warm_up(self, calls: Calls) -> None:
        """Make the models of all requests, and compute on every backend, whose libraries take seconds to load."""
        for request, _ in OPERATIONS.values():
            request.model_rebuild()
        for backend in ("numpy", "torch"):
            try:
                calls.take("gradients", {**_PROBLEM, "backend": backend}).run()
            except Refused as refused:
                logger.warning("no backend %s: %s", backend, refused.detail)
        _collect_less()
        self.warm = True


def _collect_less() -> None:
    """Garbage that only a collector finds is rare here, and the lists of a large body would start it over and over."""
    gc.collect()
    gc.freeze()  # What is loaded by now stays: collections need not look at it again.
    gc.set_threshold(50_000, 20, 50)


@router.get("/livez", response_model=HealthReply, summary="Whether the process answers")
async def live() -> Response:
    """200 as long as the event loop turns."""
    return Response(b'{"status":"ok"}', media_type="application/json")


@router.get(
    "/metrics",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, 401: {}, 403: {}, 404: {}},
    response_class=Response,
    summary="What the service counts",
)
def metrics(request: Request) -> Response:
    """In the text format of Prometheus, of every process of the service."""
    app = request.app
    if app.settings.metrics == "off":
        raise Problem(404, "this service does not tell what it counts: CHAINRULE_METRICS=open")
    if app.settings.metrics == "keys":
        app.keys.caller(request.scope["chainrule.exchange"].headers).check("metrics")
    return Response(app.metrics.text(), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


@router.get("/readyz", response_model=HealthReply, responses={503: {}}, summary="Whether requests should be sent here")
async def ready(request: Request) -> Response:
    """503 while the service drains, and where it is asked before it has started."""
    unready = request.app.health.unready
    if unready:
        raise Problem(503, unready, headers={"Retry-After": str(request.app.settings.retry_after)})
    return Response(b'{"status":"ok"}', media_type="application/json")
