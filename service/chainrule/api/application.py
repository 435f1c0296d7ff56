"""The application: FastAPI, with one layer around it that every request passes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from chainrule.api import documentation, health, on_file, reference
from chainrule.api.authentication import Keys
from chainrule.api.batch import Batches
from chainrule.api.compute import Compute
from chainrule.api.exchange import CLIENT_GONE, ClientGone, Exchange
from chainrule.api.health import Health
from chainrule.api.logs import log_fault, log_request
from chainrule.api.memory import Leftovers
from chainrule.api.metrics import ROUTES, Metrics
from chainrule.api.pace import Pace
from chainrule.api.problems import MEDIA_TYPE, Problem, internal_error
from chainrule.api.rates import Bucket
from chainrule.api.settings import Settings
from chainrule.api.tracing import Tracing, configured
from chainrule.api.turns import Turns
from chainrule.api.workers import Workers
from chainrule.operations import INSTANCES, OPERATIONS, Calls, Limits
from chainrule.operations.instances.library import Library
from chainrule.operations.instances.references import Problems
from chainrule.operations.structures import ROOM
from chainrule.version import VERSION

TIDIED = 1.0
"""Seconds between two looks at whether large requests have left memory to give back."""
KEPT = 48
"""Bytes for bodies and replies to a byte of text that is kept with its models and plans: those take as many at most."""
LINGER = 2.0
"""Seconds for which the body of a refused request is still read when its connection is to close."""


class Application(FastAPI):
    """The service under some settings. `metrics`: what to count in; by default its own."""

    def __init__(self, settings: Settings, metrics: Metrics | None = None) -> None:
        self.settings = settings
        self.limits = Limits(settings.max_flops, settings.memory, settings.max_returned, settings.max_calls)
        self.calls = Calls(self.limits, _problems(settings, self.limits), min(ROOM, settings.memory_for_bodies // KEPT))
        self.workers = Workers(settings.workers, settings.queue, settings.memory_for_bodies, settings.wait_ratio)
        self.health = Health()
        self.metrics = metrics or Metrics()
        self.tracing: Tracing | None = None
        known = self.calls.structures
        self.metrics.ask(
            running=lambda: self.workers.running,
            waiting=lambda: self.workers.waiting,
            known=lambda: known.known,
            unknown=lambda: known.unknown,
        )
        super().__init__(
            title="chainrule",
            version=VERSION,
            redoc_url=None,
            redirect_slashes=False,
            generate_unique_id_function=lambda route: route.name,
            lifespan=_lifespan,
            # Its own would not see what goes past it, and would record messages with the values in them.
            telemetry={"tracing": False, "metrics": False, "logs": False},
            exception_handlers={
                Problem: _problem,
                HTTPException: _http_exception,
                RequestValidationError: _validation_error,
                Exception: _internal_error,
            },
        )
        self.keys = keys = Keys(
            settings.keys,
            settings.grade_keys,
            settings.grade_feedback,
            calls=lambda: Bucket(settings.rate, settings.burst),
            graded=lambda: Bucket(settings.grade_rate, settings.grade_burst),
        )
        names, turns, pace = (*OPERATIONS, INSTANCES), Turns(), Pace()
        self._computes: Mapping[str, ASGIApp] = {
            **{f"/v1/{name}": Compute(name, self.calls, self.workers, turns, pace, keys, settings) for name in names},
            "/v1/batch": Batches(self.calls, self.workers, pace, keys, self.health, self.metrics, settings),
        }
        self.router.routes += [Route(path, app, methods=["POST"]) for path, app in self._computes.items()]
        self.include_router(health.router)
        self.include_router(reference.router)
        self.include_router(on_file.router)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        exchange = scope["chainrule.exchange"] = Exchange(scope, receive, send)
        self.metrics.began()
        try:
            await self._dispatch(scope, exchange)
        except ClientGone:
            exchange.status = CLIENT_GONE
        except Problem as problem:
            await exchange.refuse(problem, LINGER if self.health.draining else 0.0)
        except asyncio.CancelledError:
            if exchange.status is None:
                headers = {"Retry-After": str(self.settings.retry_after)}
                await exchange.refuse(Problem(503, "the service is shutting down", headers=headers))
            raise
        except Exception as error:
            if exchange.status is None:
                await exchange.refuse(internal_error())
            log_fault(exchange, error)
        finally:
            self.metrics.ended(exchange)
            if self.tracing is not None:
                self.tracing.record(exchange)
            log_request(exchange)

    async def _dispatch(self, scope: Scope, exchange: Exchange) -> None:
        # Computing needs nothing of the layers that FastAPI puts before a route, and they take 30 µs.
        compute = self._computes.get(scope["path"]) if scope["method"] == "POST" else None
        if compute is not None:
            await compute(scope, exchange.receive, exchange.send)
            return
        if scope["method"] == "HEAD":  # answered as GET; the server leaves the body out
            scope = {**scope, "method": "GET"}
        await super().__call__(scope, exchange.receive, exchange.send)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        if self.openapi_schema is None:
            self.openapi_schema = documentation.document(self)
        return self.openapi_schema


def _problems(settings: Settings, limits: Limits) -> Problems:
    secret = settings.secret.get_secret_value() if settings.secret else ""
    return Problems(Library(settings.problems), secret, limits)


@asynccontextmanager
async def _lifespan(app: Application) -> AsyncIterator[None]:
    await asyncio.to_thread(app.health.warm_up, app.calls)
    app.tracing = app.tracing or configured(ROUTES)
    beside = [asyncio.ensure_future(work) for work in (app.metrics.beat(), _tidy(app.workers))]
    yield
    for each in beside:
        each.cancel()
        with suppress(asyncio.CancelledError):
            await each
    app.health.draining = True
    app.workers.close()
    if app.tracing is not None:
        app.tracing.close()


async def _tidy(workers: Workers) -> None:
    """Now and then give back the memory that large requests have left."""
    leftovers, is_left = Leftovers(), False
    while True:
        await asyncio.sleep(TIDIED)
        busy, workers.is_untidy = workers.is_untidy, False
        if busy or is_left:
            is_left = not await asyncio.to_thread(leftovers.give_back, busy=busy)


async def _problem(request: Request, error: Problem) -> Response:
    exchange: Exchange = request.scope["chainrule.exchange"]
    exchange.kind = error.kind
    return Response(error.document(exchange.request_id), error.status, error.headers, MEDIA_TYPE)


async def _http_exception(request: Request, error: HTTPException) -> Response:
    details = {404: "there is nothing at this path; /docs lists what there is", 405: "this path takes other methods"}
    detail = details.get(error.status_code, error.detail)
    return await _problem(request, Problem(error.status_code, detail, headers=error.headers))


async def _validation_error(request: Request, error: RequestValidationError) -> Response:
    detail = "; ".join(f"{each['loc'][-1]}: {each['msg']}" for each in error.errors())
    return await _problem(request, Problem(422, detail, title="Request not valid"))


async def _internal_error(request: Request, error: Exception) -> Response:
    return await _problem(request, internal_error())
