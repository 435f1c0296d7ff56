"""Errors as the caller sees them: one shape (RFC 9457), of bounded size, never with the input in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson

from chainrule.operations import Fault, Refused

MEDIA_TYPE = "application/problem+json"
MOST_DETAIL = 2_000
"""Characters of a message, of which an error has at most 21."""

AT_CAPACITY = "At Capacity"
"""Of a 429 that is nothing the caller has done, as against a key used too often."""

_TITLES = {413: "Content Too Large"}
"""Where Python's own phrase, and with it the type, would depend on its version."""


class Problem(Exception):
    """An error with the HTTP status that it travels under, and headers of its own."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        title: str | None = None,
        faults: Sequence[Fault] = (),
        count: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title or _TITLES.get(status) or HTTPStatus(status).phrase
        self.detail = detail
        self.faults = tuple(faults)
        self.count = len(faults) if count is None else count
        self.headers = dict(headers or {})

    @property
    def kind(self) -> str:
        """What sort of problem it is, in a word: the end of its type."""
        return self.title.lower().replace(" ", "-")

    def document(self, request_id: str) -> bytes:
        """The body of the reply."""
        found: dict[str, Any] = {
            "type": f"urn:chainrule:problem:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": _bounded(self.detail),
            "request_id": request_id,
        }
        if self.faults:
            found["errors"] = [{"pointer": _bounded(f.pointer), "message": _bounded(f.message)} for f in self.faults]
            found["error_count"] = self.count
        return orjson.dumps(found)


def problem_of(refused: Refused) -> Problem:
    """An operation's refusal."""
    return Problem(refused.status, refused.detail, title=refused.title, faults=refused.faults, count=refused.count)


def internal_error() -> Problem:
    """What a caller is told of a fault of ours."""
    return Problem(500, "the fault is the service's, and it has been logged under this request_id")


def _bounded(text: str) -> str:
    """Of bounded length, and without lone surrogates, which UTF-8 cannot carry."""
    shown = text if len(text) <= MOST_DETAIL else f"{text[: MOST_DETAIL - 1]}…"
    return shown.encode("utf-8", "replace").decode()
