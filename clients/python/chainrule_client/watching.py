"""A training that is watched: the events that the service sends while it computes, and the reply at their end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import orjson

from chainrule.schemas.encoding import to_array
from chainrule.schemas.progress import Progress, Watch
from chainrule_client.connection import read
from chainrule_client.errors import ResponseInvalid, error_from_problem
from chainrule_client.requests import HTTPRequest

EVENT_STREAM = "text/event-stream"


def is_stream(response: httpx.Response) -> bool:
    """Whether the body is events; where it is not, it is an answer as any other."""
    kind: str = response.headers.get("Content-Type", "")
    return response.is_success and kind.partition(";")[0].strip().lower() == EVENT_STREAM


class Told:
    """What a stream has told so far. Give it the lines one by one; `watch` is told of progress as it comes."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._event = ""
        self._data: list[str] = []
        self._last: tuple[str, Any] | None = None

    def take(self, line: str) -> None:
        """The next line. Raises ResponseInvalid for data that is not JSON."""
        if not line:
            self._dispatch()
            return
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._event = value
        elif field == "data":
            self._data.append(value)

    def outcome(self, response: httpx.Response, request: HTTPRequest) -> tuple[Any, str]:
        """The reply's JSON, and the request's id. Raises APIError or ResponseInvalid."""
        if not is_stream(response):
            return read(response, request)
        request_id = response.headers.get("X-Request-ID") or request.request_id
        name, answer = self._last or ("", None)
        if name == "problem" and isinstance(answer, Mapping):
            raise error_from_problem(answer, int(answer.get("status", 500)), request_id=request_id)
        if name != "reply":
            raise ResponseInvalid(f"{response.url} ended its events without a reply", request_id=request_id)
        return answer, request_id

    def _dispatch(self) -> None:
        event, data = self._event, "\n".join(self._data)
        self._event, self._data = "", []
        if not data:
            return
        try:
            found = orjson.loads(data)
            if event == "progress":
                self._watch(Progress(found["step"], found["steps"], float(to_array(found["loss"]))))
            elif event in ("reply", "problem"):
                self._last = event, found
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise ResponseInvalid(f"an event of the service's cannot be read: {error!r}") from error
