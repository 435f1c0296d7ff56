"""Whether the process lives, and whether it should be sent requests."""

from __future__ import annotations

import asyncio

import httpx

from api.in_process import InProcess
from problem_documents import assert_problem


def test_a_running_service_is_live_and_ready(client: httpx.Client) -> None:
    for path in ("/livez", "/readyz"):
        reply = client.get(path)
        assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


def test_before_it_has_warmed_up_the_service_is_live_but_not_ready() -> None:
    cold = InProcess(retry_after=4)
    assert cold.get("/livez").status_code == 200
    reply = cold.get("/readyz")
    assert "starting" in assert_problem(reply, 503).detail
    assert reply.headers["Retry-After"] == "4"


def test_starting_up_makes_it_ready_and_shutting_down_unready() -> None:
    service = InProcess()

    async def lifetime() -> None:
        async with service.app.router.lifespan_context(service.app):
            assert service.app.health.unready is None

    asyncio.run(lifetime())
    assert "shutting down" in assert_problem(service.get("/readyz"), 503).detail
    assert service.get("/livez").status_code == 200


def test_a_backend_that_is_not_there_does_not_keep_the_service_from_starting() -> None:
    service = InProcess(max_flops=1)  # Not even what warms a backend up is within its limits.
    asyncio.run(asyncio.to_thread(service.app.health.warm_up, service.app.calls))
    assert service.get("/readyz").status_code == 200
