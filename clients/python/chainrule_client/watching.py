"""A training that is watched: the events that the service sends while it computes, and the reply at their end."""

from __future__ import annotations

import httpx
import orjson

from chainrule.schemas.encoding import to_array
from chainrule.schemas.progress import Progress, Watch
from chainrule_client.errors import ResponseInvalid

EVENT_STREAM = "text/event-stream"


class Told:
    """What a stream has told so far. Give it the lines one by one; `watch` is told of progress as it comes.

    raised: what `watch` raised. It is the caller's, even where it is an error of httpx's.
    """

    def __init__(self, watch: Watch | None) -> None:
        self._watch = watch
        self.raised: Exception | None = None
        self._event = ""
        self._data: list[str] = []
        self._last: tuple[str, str] | None = None

    def is_told_by(self, response: httpx.Response) -> bool:
        """Whether the body is events that somebody watches; where it is not, it is an answer as any other."""
        kind: str = response.headers.get("Content-Type", "")
        is_stream = response.is_success and kind.partition(";")[0].strip().lower() == EVENT_STREAM
        return is_stream and self._watch is not None

    def take(self, line: str) -> None:
        """The next line. Raises ResponseInvalid for data that is not JSON, and what `watch` raises."""
        if not line:
            self._dispatch()
            return
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._event = value
        elif field == "data":
            self._data.append(value)

    def answer(self, response: httpx.Response) -> httpx.Response:
        """The answer that the stream ended with, as it would have come alone.

        Raises httpx.RemoteProtocolError where the stream ended before it.
        """
        if self._last is None:
            raise httpx.RemoteProtocolError("the events ended without a reply", request=response.request)
        event, data = self._last
        status = 200 if event == "reply" else _status_in(data)
        kept = {name: response.headers[name] for name in ("X-Request-ID",) if name in response.headers}
        return httpx.Response(status, headers=kept, content=data.encode(), request=response.request)

    def _dispatch(self) -> None:
        event, data = self._event, "\n".join(self._data)
        self._event, self._data = "", []
        if not data:
            return
        if event in ("reply", "problem"):
            self._last = event, data
        elif event == "progress" and self._watch is not None:
            self._tell(self._watch, _progress(data))

    def _tell(self, watch: Watch, progress: Progress) -> None:
        try:
            watch(progress)
        except Exception as error:
            self.raised = error
            raise


def _progress(data: str) -> Progress:
    try:
        found = orjson.loads(data)
        return Progress(found["step"], found["steps"], float(to_array(found["loss"])))
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ResponseInvalid(f"an event of the service's cannot be read: {error!r}") from error


def _status_in(problem: str) -> int:
    try:
        return int(orjson.loads(problem)["status"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return 500
