"""The service on Ray Serve: `serve run chainrule.api.ray_serve:app`.

Here stands what the service needs of Ray in order to be right; how many replicas there are and what each gets stands in
a configuration of Serve, such as `service/deploy/ray/serve.yaml`.
"""

from __future__ import annotations

import logging

from ray import get_runtime_context, serve
from ray.serve.config import BackpressureConfig
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chainrule.api import create_app, logs
from chainrule.api.application import Application
from chainrule.api.available_memory import available_memory
from chainrule.api.cpus import available_cpus
from chainrule.api.settings import Settings, doubts

logger = logging.getLogger("chainrule.api")

SETTINGS = Settings()
"""Those of the process that builds the deployment, which has `env_vars` of its configuration."""


def share_of(settings: Settings, cpus: float, memory: float = 0.0) -> Settings:
    """The settings for a replica that has so many CPUs of its machine, and bytes of memory where some are set aside.

    Otherwise it has as much of the memory as of the CPUs. What the settings say themselves is left as it is.
    """
    workers = settings.concurrency or max(1, int(cpus) // settings.threads)
    at_hand = int(memory or (available_memory() or 0) * min(1.0, max(1.0, cpus) / available_cpus()))
    found = settings.model_copy(update={"concurrency": workers})
    return found.within(at_hand) if at_hand else found


class OneRequestId:
    """The application less its `X-Request-ID`, which Serve adds to every reply by itself: the caller's, or a new one
    that the application was given as the caller's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [header for header in message["headers"] if header[0] != b"x-request-id"]
                message = {**message, "headers": kept}
            await send(message)

        await self._app(scope, receive, send_on)


class Replica:
    """One process that answers requests."""

    def __init__(self) -> None:
        settings = Settings()
        logs.configure(settings.log_level)
        for doubt in doubts(settings, "a proxy of Ray Serve"):
            logger.warning("%s", doubt)
        given = get_runtime_context().get_assigned_resources()  # type: ignore[no-untyped-call]
        self.service: Application = create_app(share_of(settings, given.get("CPU", 0.0), given.get("memory", 0.0)))

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return OneRequestId(self.service)

    async def check_health(self) -> None:
        """Raises RuntimeError where the service is not ready. Serve then replaces the replica."""
        if self.service.health.unready is not None:
            raise RuntimeError(self.service.health.unready)


deployment = serve.deployment(
    name="chainrule",
    # The service itself says 429 to what it has no place for. These bounds lie beyond its own, for a proxy that finds
    # every replica full.
    max_ongoing_requests=64,
    max_queued_requests=64,
    backpressure_config=BackpressureConfig(status_code=429, retry_after_s=SETTINGS.retry_after),
    # A replica that is taken away gets no more requests, and may finish those it has.
    graceful_shutdown_wait_loop_s=1.0,
    graceful_shutdown_timeout_s=SETTINGS.deadline + 10.0,
    health_check_period_s=1.0,
    health_check_timeout_s=30.0,
    logging_config={"enable_access_log": False},  # The service logs each request.
)(serve.ingress()(Replica))
app = deployment.bind()
