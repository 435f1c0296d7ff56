"""What can go wrong, as exceptions.

    ChainruleError
    ├── ConnectionFailed         nobody answered: refused, reset, no such host
    ├── TimedOut                 no answer in time
    ├── ResponseInvalid          an answer that is not the service's: a proxy's page, cut-off JSON
    └── APIError                 the service refused, and said why
        ├── InvalidRequest       400, 422 and any other 4xx: the request is at fault
        ├── AuthenticationFailed 401, 403
        ├── NotFound             404
        ├── DeadlineExceeded     408: the time ran out at the service; a TimedOut as well
        ├── TooLarge             413
        ├── Overloaded           429; `retry_after` in seconds where the service named a time
        └── ServerFault          5xx

A value that cannot be sent at all (a NaN, an array of text) is a ValueError, raised before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


class ChainruleError(Exception):
    """The base of all. `request_id` is what the service's logs know the call by; None in process."""

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.request_id = request_id

    def __str__(self) -> str:
        return f"{self.message} (request {self.request_id})" if self.request_id else self.message

    def __reduce__(self) -> tuple[Callable[..., object], tuple[Any, ...], dict[str, Any]]:
        # An exception is else made again from `args`, which are not what these take.
        return type(self).__new__, (type(self), *self.args), self.__dict__


class ConnectionFailed(ChainruleError):
    """The service could not be reached, or hung up without an answer."""


class TimedOut(ChainruleError):
    """There was no answer in time: nothing came, or, as a DeadlineExceeded, the service said that none would."""


class ResponseInvalid(ChainruleError):
    """Something answered, but not as the service does."""


class Fault(NamedTuple):
    """One thing wrong with a request: a JSON pointer into its body, and what to write instead."""

    pointer: str
    message: str


class APIError(ChainruleError):
    """A refusal by the service, read from its problem document (RFC 9457).

    `errors` holds the first faults found in the body; `error_count` is how many there were.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        *,
        request_id: str | None = None,
        errors: Sequence[Fault] = (),
        error_count: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail or title, request_id=request_id)
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.error_count = len(self.errors) if error_count is None else error_count
        self.retry_after = retry_after

    def __str__(self) -> str:
        told_below = any(fault.message in self.detail for fault in self.errors)
        head = f"{self.status} {self.title}"
        lines = [
            head if told_below or self.detail in ("", self.title) else f"{head}: {self.detail}",
            *(f"  {fault.pointer or 'the request'}: {fault.message}" for fault in self.errors),
        ]
        if self.error_count > len(self.errors):
            lines.append(f"  and {self.error_count - len(self.errors)} more")
        if self.retry_after is not None:
            lines.append(f"  try again in {self.retry_after:g} s")
        if self.request_id:
            lines.append(f"  request {self.request_id}")
        return "\n".join(lines)


class InvalidRequest(APIError):
    """The request is at fault; `errors` says where."""


class AuthenticationFailed(APIError):
    """The API key is missing, wrong, or not allowed to do this."""


class NotFound(APIError):
    """There is nothing of that name."""


class DeadlineExceeded(APIError, TimedOut):
    """The body, or the answer, took longer than the service allows, or than `Retries.deadline` told it to.

    Not tried again: the same request would take as long again. Whether a deadline is noticed here or there is a matter
    of chance, so this is also a TimedOut.
    """


class TooLarge(APIError):
    """The body is larger than the service takes; `Client.info()` states its limits."""


class Overloaded(APIError):
    """The service is at capacity. `retry_after` is the time in seconds it asked for, if it did."""


class ServerFault(APIError):
    """The fault is the service's."""


_BY_STATUS: Mapping[int, type[APIError]] = {
    401: AuthenticationFailed,
    403: AuthenticationFailed,
    404: NotFound,
    408: DeadlineExceeded,
    413: TooLarge,
    429: Overloaded,
}


def error_for(status: int) -> type[APIError]:
    """The class of error that an HTTP status stands for."""
    return _BY_STATUS.get(status, ServerFault if status >= 500 else InvalidRequest)


def error_from_problem(
    problem: Mapping[str, Any], status: int, *, request_id: str | None = None, retry_after: float | None = None
) -> APIError:
    """The error that a problem document describes. Fields it lacks, or holds in another form, are passed over."""
    listed = problem.get("errors")
    faults = [
        Fault(str(entry.get("pointer", "")), str(entry.get("message", "")))
        for entry in (listed if isinstance(listed, list) else [])
        if isinstance(entry, Mapping)
    ]
    count = problem.get("error_count")
    return error_for(status)(
        status,
        str(problem.get("title") or "error"),
        str(problem.get("detail") or ""),
        request_id=request_id or problem.get("request_id"),
        errors=faults,
        error_count=count if isinstance(count, int) and count >= len(faults) else None,
        retry_after=retry_after,
    )
