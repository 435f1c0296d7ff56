"""Spans of requests: whose they are, what they tell, and what they cost where nobody asks for them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from api.in_process import JSON, InProcess
from api.problems import FORWARD, SOUND, padded
from chainrule.api.metrics import ROUTES
from chainrule.api.tracing import Tracing, configured, is_wanted
from live_service import live_service

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
WITHIN = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


class Traced(InProcess):
    """An application whose spans stay in memory."""

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.app.tracing = Tracing(provider, ROUTES)

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.exporter.get_finished_spans()}


def nanoseconds(span: ReadableSpan) -> tuple[int, int]:
    assert span.start_time is not None
    assert span.end_time is not None
    return span.start_time, span.end_time


def assert_one_after_another(within: ReadableSpan, parts: Sequence[ReadableSpan]) -> None:
    moments = [nanoseconds(within)[0], *(moment for part in parts for moment in nanoseconds(part))]
    assert moments == sorted(moments)
    assert moments[-1] <= nanoseconds(within)[1]


def test_a_request_is_a_span_with_its_parts_in_it() -> None:
    service = Traced()
    reply = service.post("/v1/gradients", json=SOUND, headers={"X-Request-ID": "mine"})
    spans = service.spans
    assert set(spans) == {"POST /v1/gradients", "parse", "compute", "encode"}
    whole = spans["POST /v1/gradients"]
    assert whole.kind == SpanKind.SERVER
    assert whole.parent is None
    assert whole.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/gradients",
        "http.response.status_code": 200,
        "http.request.body.size": len(reply.request.content),
        "http.response.body.size": len(reply.content),
        "url.path": "/v1/gradients",
        "url.scheme": "http",
        "chainrule.request_id": "mine",
    }
    parts = [spans[name] for name in ("parse", "compute", "encode")]
    assert_one_after_another(whole, parts)
    for part in parts:
        assert part.parent is not None
        assert part.parent.span_id == whole.context.span_id
        assert not part.attributes


def test_a_request_that_waits_for_a_thread_has_a_span_of_the_queue() -> None:
    service = Traced(inline_bytes=1_000)
    service.post("/v1/forward", content=padded(FORWARD, 2_000), headers=JSON)
    spans = service.spans
    parts = [spans[name] for name in ("queue", "parse", "compute", "encode")]
    assert_one_after_another(spans["POST /v1/forward"], parts)


def test_the_callers_trace_goes_on() -> None:
    service = Traced()
    service.post("/v1/forward", json=FORWARD, headers=WITHIN)
    whole = service.spans["POST /v1/forward"]
    assert f"{whole.context.trace_id:032x}" == TRACE
    assert whole.parent is not None
    assert f"{whole.parent.span_id:016x}" == PARENT
    assert whole.parent.is_remote


def test_a_caller_who_does_not_sample_is_not_sampled() -> None:
    service = Traced()
    service.post("/v1/forward", json=FORWARD, headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
    assert service.spans == {}


@pytest.mark.parametrize("given", ["", "00", "x" * 5_000, f"00-{'0' * 32}-{PARENT}-01", "00-\xff-\xff-01"])
def test_what_is_no_parent_begins_a_new_trace(given: str) -> None:
    service = Traced()
    reply = service.post("/v1/forward", json=FORWARD, headers={"traceparent": given.encode("latin-1")})
    assert reply.status_code == 200
    assert service.spans["POST /v1/forward"].parent is None


def test_errors_are_told_and_only_ours_are_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Traced()
    service.post("/v1/forward", json={})
    refused = service.spans["POST /v1/forward"]
    assert refused.attributes
    assert refused.attributes["error.type"] == "request-not-valid"
    assert refused.status.status_code == StatusCode.UNSET

    def fail(*_: object) -> None:
        raise RuntimeError("broken 8.7654321")

    monkeypatch.setattr(service.app.calls, "recall", fail)
    service.post("/v1/loss", json=SOUND)
    failed = service.spans["POST /v1/loss"]
    assert failed.status.status_code == StatusCode.ERROR
    assert "7654" not in failed.to_json()


def test_nothing_of_a_callers_making_is_in_a_span() -> None:
    word = "wordOfTheCaller"
    service = Traced()
    service.get(f"/{word}?{word}", headers={"User-Agent": word})
    service.request(word, "/v1/forward")
    service.post("/v1/forward", json={**FORWARD, "inputs": [[8.7654321, 1.0]], word: word})
    spans = service.exporter.get_finished_spans()
    assert {"GET", "_OTHER /v1/forward"} < {span.name for span in spans}
    for span in spans:
        assert word not in span.to_json()
        assert "7654" not in span.to_json()


def test_probes_have_no_spans() -> None:
    service = Traced()
    for path in ("/livez", "/readyz", "/metrics"):
        service.get(path)
    assert service.spans == {}


def test_the_log_tells_the_trace(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    service = Traced()
    service.post("/v1/forward", json=FORWARD)
    told = [record.request["trace"] for record in caplog.records if hasattr(record, "request")]
    assert told == [f"{service.spans['POST /v1/forward'].context.trace_id:032x}"]


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        (COLLECTOR, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({**COLLECTOR, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({**COLLECTOR, "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
    ],
)
def test_the_variables_say_whether_spans_are_sent(variables: dict[str, str], wanted: bool) -> None:
    assert is_wanted(variables) is wanted


def test_without_the_extra_it_is_said_once_and_nothing_is_sent(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(*next(iter(COLLECTOR.items())))
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    assert configured(ROUTES) is None
    assert "chainrule[telemetry]" in caplog.text


def test_what_makes_spans_is_not_loaded_where_nobody_asks() -> None:
    code = (
        "import asyncio, sys; from chainrule.api import create_app; app = create_app()\n"
        "async def life():\n async with app.router.lifespan_context(app): assert app.tracing is None\n"
        "asyncio.run(life()); print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'google'))])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.fixture
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """What takes spans over HTTP: its address, and what it was sent."""
    sent: list[ExportTraceServiceRequest] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            sent.append(ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Taking) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", sent
        server.shutdown()
        thread.join()


def test_the_last_spans_are_sent_when_the_service_ends(
    collector: tuple[str, list[ExportTraceServiceRequest]], log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, sent = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "course")
    with live_service(log, drain_notice=0) as service:
        with service.client() as client:
            client.post("/v1/forward", json=FORWARD, headers=WITHIN)
        service.terminate()
        assert service.process.wait(60) == 0
    resources = [spans.resource for request in sent for spans in request.resource_spans]
    named = [{each.key: each.value.string_value for each in resource.attributes} for resource in resources]
    assert {each["service.name"] for each in named} == {"course"}
    spans = [s for request in sent for r in request.resource_spans for scope in r.scope_spans for s in scope.spans]
    whole = next(span for span in spans if span.name == "POST /v1/forward")
    assert whole.trace_id.hex() == TRACE
    line = next(json.loads(line) for line in log.read_text().splitlines() if "/v1/forward" in line)
    assert line["trace"] == TRACE


def test_a_collector_that_is_not_there_keeps_nobody_waiting(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    with live_service(log, drain_notice=0) as service:
        with service.client() as client:
            assert client.post("/v1/forward", json=FORWARD).status_code == 200
        service.terminate()
        assert service.process.wait(60) == 0
