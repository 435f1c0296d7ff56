"""Teaches Schemathesis bodies of lines: what it draws is one item, sent on one line, and the reply is one line."""

from __future__ import annotations

from typing import Any

import orjson
import schemathesis

LINES = "application/x-ndjson"


@schemathesis.serializer(LINES)  # type: ignore[untyped-decorator]
def one_line(context: Any, item: Any) -> bytes:
    return item if isinstance(item, bytes) else orjson.dumps(item) + b"\n"


@schemathesis.deserializer(LINES)  # type: ignore[untyped-decorator]
def the_only_line(context: Any, response: Any) -> Any:
    (line,) = response.content.splitlines()
    return orjson.loads(line)
