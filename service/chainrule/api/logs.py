"""What the service logs: a JSON object a line, on stderr. Of a request its first line, never its body."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from time import perf_counter

import orjson

from chainrule.api.exchange import Exchange

logger = logging.getLogger("chainrule.api")

MOST_PATH = 200


class JsonLines(logging.Formatter):
    """Time, level and message; the fields of a request; the traceback of an error."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "request", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def configure(level: str) -> None:
    """Send every message of `level` and above to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


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
        "ms": round((perf_counter() - exchange.started) * 1e3, 3),
        "request_id": exchange.request_id,
    }
