"""Spans of requests for OpenTelemetry, made once a request has ended from what is known of it then.

So where nobody asks for them a request pays nothing, and where somebody does it passes no further layer. They hold
sizes and times, never what a body held.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from threading import Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any

from chainrule.api.exchange import Exchange
from chainrule.version import VERSION

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

logger = logging.getLogger("chainrule.api")

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"})
PROBES = frozenset({"/livez", "/readyz", "/metrics"})
"""What is asked for every few seconds, and of which nobody wants to see spans."""
CARRIERS = ("traceparent", "tracestate")
FLUSHING = 2.0
"""Seconds in which the last spans have to be sent when the service ends."""


class Tracing:
    """Gives a span for each request, below that of its caller, and one in it for each part of the work.

    `routes`: the paths that a span may be named after; the others are a caller's to make up.
    """

    def __init__(self, provider: TracerProvider, routes: frozenset[str]) -> None:
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider, self._routes = provider, routes
        self._tracer = provider.get_tracer("chainrule", VERSION)
        self._propagator = TraceContextTextMapPropagator()
        self._server, self._error = trace.SpanKind.SERVER, trace.StatusCode.ERROR
        self._within = trace.set_span_in_context

    def record(self, exchange: Exchange) -> None:
        """Make the spans of a request that has ended, and tell the exchange their trace."""
        scope = exchange.scope
        if scope["path"] in PROBES:
            return
        epoch = time.time_ns() - int(perf_counter() * 1e9)  # of the other clock
        headers = exchange.headers
        carried = {name: headers[name.encode()].decode("latin-1") for name in CARRIERS if name.encode() in headers}
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        route = scope["path"] if scope["path"] in self._routes else None
        span = self._tracer.start_span(
            f"{method} {route}" if route else method,
            context=self._propagator.extract(carried),
            kind=self._server,
            attributes=_attributes(exchange, method, route),
            start_time=epoch + int(exchange.started * 1e9),
        )
        exchange.trace = f"{span.get_span_context().trace_id:032x}"
        if span.is_recording():
            if exchange.status is None or exchange.status >= 500:
                span.set_status(self._error)
            within = self._within(span)
            for name, started, seconds in exchange.timings:
                part = self._tracer.start_span(name.decode(), within, start_time=epoch + int(started * 1e9))
                part.end(epoch + int((started + seconds) * 1e9))
            span.end()

    def close(self) -> None:
        """Send what is left, if there is somebody to take it soon."""
        closing = Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(FLUSHING)


def _attributes(exchange: Exchange, method: str, route: str | None) -> dict[str, Any]:
    """By the names that OpenTelemetry has for HTTP."""
    found: dict[str, Any] = {
        "http.request.method": method,
        "http.response.status_code": exchange.status or 500,
        "http.request.body.size": exchange.received,
        "http.response.body.size": exchange.sent,
        "url.scheme": exchange.scope.get("scheme", "http"),
        "chainrule.request_id": exchange.request_id,
    }
    if route:
        found["http.route"] = found["url.path"] = route
    if exchange.kind:
        found["error.type"] = exchange.kind
    return found


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Whether OpenTelemetry's variables ask for spans to be sent."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER")
    return exporter == "otlp" or (not exporter and any(environment.get(name) for name in ENDPOINTS))


def configured(routes: frozenset[str]) -> Tracing | None:
    """As OpenTelemetry's variables say: where to, how many, under which name. None where they ask for nothing."""
    if not is_wanted(os.environ):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        logger.warning("no spans are sent, for want of %s: pip install 'chainrule[telemetry]'", error.name)
        return None
    named = OTELResourceDetector().detect()
    resource = Resource.create({SERVICE_NAME: "chainrule", "service.version": VERSION}).merge(named)
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider, routes)
