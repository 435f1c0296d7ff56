"""What the service counts, and how it tells Prometheus.

No label takes a value that a caller can make up: operations, statuses and kinds of errors are all known beforehand.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from time import perf_counter

from prometheus_client import generate_latest
from prometheus_client.core import InfoMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector, CollectorRegistry

from chainrule.api.exchange import CLIENT_GONE, Exchange
from chainrule.api.tally import BEAT, PID, Gauge, Layout, Tally
from chainrule.operations import INSTANCES, OPERATIONS
from chainrule.operations.information import libraries
from chainrule.version import CONVENTIONS, VERSION

POSTS = (*OPERATIONS, INSTANCES, "batch")
PAGES = ("livez", "readyz", "metrics")
OTHER = "other"
"""What has no name of its own: the pages that describe the service, and paths that lead nowhere."""
STATUSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
STAGES = ("parse", "queue", "compute", "encode")
"""As `Server-Timing` has them."""
CALLER_LEFT = "caller-left"
KINDS = (
    "bad-request",
    "request-not-json",
    "request-not-safetensors",
    "unauthorized",
    "forbidden",
    "not-found",
    "method-not-allowed",
    "request-timeout",
    "content-too-large",
    "unsupported-media-type",
    "request-not-valid",
    "request-too-costly",
    "no-instance-found",
    "at-capacity",
    "too-many-requests",
    "internal-server-error",
    "service-unavailable",
    CALLER_LEFT,
    OTHER,
)
"""Of errors: the last part of a problem's `type`, and callers that left before there was an answer."""

SECONDS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
ITEMS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 10_000, 100_000)

_layout = Layout()
_operations = (*POSTS, *PAGES, OTHER)
_requests = _layout.counter("chainrule_requests", "Requests that have ended.", operation=_operations, status=STATUSES)
_errors = _layout.counter("chainrule_errors", "Requests that ended in an error.", kind=KINDS)
_seconds = _layout.histogram(
    "chainrule_request_seconds", "Seconds from a request's head to its answer's end.", SECONDS, operation=_operations
)
_stages = _layout.histogram(
    "chainrule_stage_seconds", "Seconds that the parts of single requests took.", SECONDS, stage=STAGES
)
_received = _layout.counter("chainrule_received_bytes", "Bytes of the bodies of requests.", operation=_operations)
_sent = _layout.counter("chainrule_sent_bytes", "Bytes of the bodies of replies.", operation=_operations)
_batches = _layout.histogram("chainrule_batch_items", "Items of a batch that has ended.", ITEMS)
_items = _layout.counter("chainrule_items", "Items of batches that were answered.", status=STATUSES)
_item_errors = _layout.counter("chainrule_item_errors", "Items of batches that ended in an error.", kind=KINDS)
_stacks = _layout.histogram("chainrule_stack_items", "Items of batches computed as one.", ITEMS)
_in_flight = _layout.gauge("chainrule_in_flight_requests", "Requests that have begun and not ended.")
_running = _layout.gauge("chainrule_running_requests", "Large requests and portions of batches that compute.")
_waiting = _layout.gauge("chainrule_waiting_requests", "Large requests and portions of batches that wait for a thread.")
_structures = _layout.counter(
    "chainrule_structures", "Requests and items, by whether their structure was known.", known=("yes", "no")
)

CELLS = _layout.size
"""Of one process."""
BEATS = 1.0
"""Seconds between two looks at what others count."""


class _Path:
    """The cells that requests to one path count in."""

    __slots__ = ("received", "requests", "seconds", "sent")

    def __init__(self, operation: str) -> None:
        self.requests = _requests.cell(operation, STATUSES[0])
        self.seconds = _seconds.cell(operation)
        self.received = _received.cell(operation)
        self.sent = _sent.cell(operation)


_PATHS = {**{f"/v1/{name}": _Path(name) for name in POSTS}, **{f"/{name}": _Path(name) for name in PAGES}}
ROUTES = frozenset(_PATHS)
_ELSEWHERE = _Path(OTHER)
_KIND = {kind: _errors.cell(kind) for kind in KINDS}
_ITEM_KIND = {kind: _item_errors.cell(kind) for kind in KINDS}
_STAGE = {name.encode(): _stages.cell(name) for name in STAGES}


class Metrics:
    """What this process counts, in its row of a tally. To be written by the event loop alone."""

    def __init__(self, tally: Tally | None = None, process: int = 0) -> None:
        self._tally = tally or Tally(CELLS)
        self._row = self._tally.row(process)
        for family in _layout.families:
            if isinstance(family, Gauge):  # of a process that died, whose row this was; what it counted stays
                self._row[family.start] = 0.0
        self._row[BEAT] = 0.0
        self._row[PID] = os.getpid()
        self._asked: list[tuple[int, float, Callable[[], float]]] = []

    def began(self) -> None:
        """Count a request that has begun."""
        self._row[_in_flight.start] += 1

    def ended(self, exchange: Exchange) -> None:
        """Count a request that has ended, with all that is known of it by now."""
        row, path = self._row, _PATHS.get(exchange.scope["path"], _ELSEWHERE)
        row[_in_flight.start] -= 1
        status = exchange.status or 500
        row[path.requests + status // 100 - 1] += 1
        row[path.received] += exchange.received
        row[path.sent] += exchange.sent
        _seconds.observe(row, path.seconds, perf_counter() - exchange.started)
        for name, _, seconds in exchange.timings:
            _stages.observe(row, _STAGE[name], seconds)
        if status >= 400:
            kind = CALLER_LEFT if status == CLIENT_GONE else exchange.kind
            row[_KIND.get(kind, _KIND[OTHER])] += 1

    def answered(self, statuses: Sequence[int]) -> None:
        """Count the answers to items of a batch."""
        for status in statuses:
            self._row[_items.start + status // 100 - 1] += 1

    def refused(self, kinds: Sequence[str]) -> None:
        """Count the errors among the answers to items of a batch."""
        for kind in kinds:
            self._row[_ITEM_KIND.get(kind, _ITEM_KIND[OTHER])] += 1

    def batched(self, items: int) -> None:
        """Count a batch that has ended, of so many items."""
        _batches.observe(self._row, _batches.start, items)

    def stacked(self, items: int) -> None:
        """Count items of a batch that were computed as one."""
        _stacks.observe(self._row, _stacks.start, items)

    def ask(
        self,
        running: Callable[[], float],
        waiting: Callable[[], float],
        known: Callable[[], float],
        unknown: Callable[[], float],
    ) -> None:
        """Whom to ask for numbers that others keep. Those that grow go on from where the row stands."""
        cells = {_running.start: running, _waiting.start: waiting, **dict(zip(_known, (known, unknown), strict=True))}
        self._asked = [(cell, self._row[cell], told) for cell, told in cells.items()]

    def look(self) -> None:
        """Ask them."""
        for cell, before, told in self._asked:
            self._row[cell] = before + told()

    async def beat(self) -> None:
        """Keep what others count, and that the event loop turns, up to date for every process to read."""
        while True:
            self.look()
            self._row[BEAT] = time.monotonic()
            await asyncio.sleep(BEATS)

    def text(self) -> bytes:
        """All of it, of every process, as Prometheus reads it. It takes milliseconds."""
        self.look()
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Told(self._tally))
        return generate_latest(registry)


_known = [_structures.cell(word) for word in ("yes", "no")]


class _Told(Collector):
    """The totals, what runs, and the processes."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        totals = self._tally.totals()
        for family in _layout.families:
            yield family.metric(totals[family.start : family.end])
        built = {"version": VERSION, "conventions": str(CONVENTIONS), **libraries()}
        yield InfoMetricFamily("chainrule_build", "What runs.", built)
        yield from self._processes().values()

    def _processes(self) -> dict[str, Metric]:
        """What is told of a process, of each of them."""
        found: dict[str, Metric] = {}
        for process in range(self._tally.processes):
            for metric in _of_process(int(self._tally.row(process)[PID])):
                samples = found.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type)).samples
                samples += [sample._replace(labels={"process": str(process)}) for sample in metric.samples]
        return found


def _of_process(pid: int) -> Iterable[Metric]:
    """What Prometheus's clients tell of a process."""
    return ProcessCollector(pid=lambda: pid, registry=None).collect()
