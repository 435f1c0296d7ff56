"""What the service logs: a JSON object a line, on stderr. Of a request its first line, never its body."""

from __future__ import annotations

import logging
import re
import traceback
from asyncio import CancelledError
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import orjson

from chainrule.api.exchange import Exchange

logger = logging.getLogger("chainrule.api")

MOST_PATH = 200
MOST_MESSAGE = 500
MOST_CAUSES = 5
KEY_DIGITS = 8
"""Of the digest of a key, in hex: enough to tell which of a service's keys it is."""

_TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_VALUES = re.compile(r"""'[^']*'|"[^"]*"|(?<!\w)[-+]?\.?\d[\w.+-]*|\b(?:nan|inf)\b""", re.IGNORECASE)
"""Numbers, and what stands in quotes: messages of libraries show what they could not digest."""


class JsonLines(logging.Formatter):
    """Time, level and message; the fields of a request; the traceback of an error."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "request", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
            if not record.name.startswith("chainrule"):
                line["message"] = without_values(record.getMessage())
        return orjson.dumps(line, default=str).decode()

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """Where it happened, and of every message what is left without the values in it."""
        parts: list[str] = []
        error: BaseException | None = ei[1]
        while error is not None and len(parts) < MOST_CAUSES:
            frames = "".join(traceback.format_tb(error.__traceback__))
            parts.append(f"{frames}{type(error).__qualname__}: {without_values(str(error))}")
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\n\nafter\n\n".join(parts)


def is_news(record: logging.LogRecord) -> bool:
    """Whether the server has something to say that the line of the request does not.

    It takes a reply that nobody took, and a request that was cut off at the end, for faults of the application.
    """
    was_cut_off = record.exc_info is not None and isinstance(record.exc_info[1], CancelledError)
    return not was_cut_off and record.msg != "ASGI callable returned without completing response."


def without_values(text: str) -> str:
    """A message less the numbers and the quotations in it."""
    return _VALUES.sub("…", text[:MOST_MESSAGE])


def configure(level: str) -> None:
    """Send every message of `level` and above to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("uvicorn.error").addFilter(is_news)


def log_request(exchange: Exchange) -> None:
    """One line, at info."""
    if logger.isEnabledFor(logging.INFO):
        logger.info("request", extra={"request": _fields(exchange)})


def log_fault(exchange: Exchange, error: BaseException) -> None:
    """A fault of ours, with its traceback."""
    logger.error("fault", exc_info=error, extra={"request": _fields(exchange)})


def _fields(exchange: Exchange) -> dict[str, object]:
    return {
        "method": exchange.scope["method"],
        "path": exchange.scope["path"][:MOST_PATH].encode("utf-8", "replace").decode(),
        "status": exchange.status,
        **({"error": exchange.kind} if exchange.kind else {}),
        "ms": round((perf_counter() - exchange.started) * 1e3, 3),
        "request_id": exchange.request_id,
        **_of_the_caller(exchange),
        "received": exchange.received,
        "sent": exchange.sent,
        **{f"{name.decode()}_ms": round(seconds * 1e3, 3) for name, _, seconds in exchange.timings},
    }


def _of_the_caller(exchange: Exchange) -> dict[str, str]:
    """Its address, or a proxy's; which key it has; which trace this belongs to."""
    found: dict[str, str] = {}
    if exchange.peer:
        found["client"] = exchange.peer
    if exchange.key is not None:
        found["key"] = exchange.key.hex()[:KEY_DIGITS]
    parent = _TRACEPARENT.fullmatch(exchange.headers.get(b"traceparent", b""))
    trace = exchange.trace or (parent and parent[1].decode())
    if trace:
        found["trace"] = trace
    return found
