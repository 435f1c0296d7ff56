"""Where the service is and how it is spoken to: the settings, and the reading of answers, that sync and async share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from time import monotonic
from typing import Any, TypedDict

import httpx
import orjson

from chainrule.schemas.binary import REPLY, read_tree
from chainrule_client.errors import (
    APIError,
    ChainruleError,
    ConnectionFailed,
    ResponseInvalid,
    TimedOut,
    error_from_problem,
)
from chainrule_client.forms import is_binary
from chainrule_client.replies import Reply
from chainrule_client.requests import HTTPRequest
from chainrule_client.retries import RETRIED_STATUSES, seconds_to_wait

DEFAULT_URL = "http://127.0.0.1:8000"
# The service gives a request 120 s unless set otherwise; hearing its refusal beats hanging up before it.
DEFAULT_TIMEOUT = httpx.Timeout(connect=5.0, read=130.0, write=60.0, pool=60.0)


class ConnectionSettings(TypedDict):
    """What `httpx.Client` and `httpx.AsyncClient` are both made with."""

    base_url: str
    headers: dict[str, str]
    timeout: httpx.Timeout


def connection_settings(
    base_url: str | None, api_key: str | None, timeout: httpx.Timeout | float | None
) -> ConnectionSettings:
    """The arguments as given, else from CHAINRULE_URL and CHAINRULE_API_KEY, else the defaults.

    Raises ValueError for a URL that is none, and for a key that no header can hold.
    """
    key = _sendable(api_key or os.environ.get("CHAINRULE_API_KEY") or "")
    return {
        "base_url": _checked(base_url or os.environ.get("CHAINRULE_URL") or DEFAULT_URL),
        "headers": {
            "Accept": "application/json, application/problem+json",
            **({"Authorization": f"Bearer {key}"} if key else {}),
        },
        "timeout": DEFAULT_TIMEOUT if timeout is None else httpx.Timeout(timeout),
    }


def _sendable(key: str) -> str:
    """The key without the space around it, such as the end of a file's line. It is a secret: no message has it."""
    key = key.strip()
    if not (key.isascii() and key.isprintable()):
        raise ValueError("the API key cannot be sent: it may hold printable ASCII alone")
    return key


def _checked(url: str) -> str:
    if "://" not in url:
        raise ValueError(f"{url!r} is no URL of a service: write http://{url.lstrip('/')}")
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"{url!r} is no URL of a service ({error}): write one like {DEFAULT_URL}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError(f"{url!r} is no URL of a service: write one like {DEFAULT_URL}, or with https")
    if parsed.path.rstrip("/").endswith("/v1"):
        raise ValueError(f"{url!r} ends in what each call adds: write {url.rstrip('/').removesuffix('/v1')}")
    return url


def timeout_within(timeout: httpx.Timeout, seconds: float | None) -> httpx.Timeout:
    """The timeout, none of its parts longer than `seconds`."""
    if seconds is None:
        return timeout
    parts = timeout.as_dict()
    return httpx.Timeout(**{part: seconds if limit is None else min(limit, seconds) for part, limit in parts.items()})


class Within(httpx.SyncByteStream):
    """A body that has to be there by a moment of the clock, however it trickles. Raises httpx.ReadTimeout."""

    def __init__(self, body: httpx.SyncByteStream, end: float) -> None:
        self._body, self._end = body, end

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._body:
            if monotonic() > self._end:
                raise httpx.ReadTimeout("the deadline has passed")
            yield chunk

    def close(self) -> None:
        self._body.close()


def failure_to_connect(error: httpx.RequestError, request: HTTPRequest, base_url: str, tries: int) -> ChainruleError:
    """httpx's error as ours, after so many tries."""
    often = f" after {tries} tries" if tries > 1 else ""
    if isinstance(error, httpx.TimeoutException):
        said = f"no answer from {base_url} in time{often} ({type(error).__name__})"
        return TimedOut(said, request_id=request.request_id)
    if isinstance(error, httpx.DecodingError):
        return ResponseInvalid(f"the answer of {base_url} cannot be decoded: {error}", request_id=request.request_id)
    said = str(error) or type(error).__name__
    return ConnectionFailed(f"no connection to {base_url}{often}: {said}", request_id=request.request_id)


def worth_repeating(outcome: httpx.Response | httpx.RequestError) -> bool:
    """Whether the same request may well succeed a moment later."""
    if isinstance(outcome, httpx.Response):
        return outcome.status_code in RETRIED_STATUSES or _is_of_a_proxy(outcome)
    return isinstance(
        outcome, httpx.TimeoutException | httpx.NetworkError | httpx.RemoteProtocolError | httpx.ProxyError
    )


def _is_of_a_proxy(response: httpx.Response) -> bool:
    """Whether a 500 is not the service's own, which says what it is about: a proxy says so where it has lost the
    service that it had passed the request to."""
    return response.status_code == 500 and "problem+json" not in response.headers.get("Content-Type", "")


def retry_after(outcome: httpx.Response | httpx.RequestError) -> float | None:
    """The seconds that an answer asks to wait, if it does."""
    return seconds_to_wait(outcome.headers.get("Retry-After")) if isinstance(outcome, httpx.Response) else None


def read(response: httpx.Response, request: HTTPRequest) -> tuple[Any, str]:
    """The JSON of an answer, its tensors as arrays where they came in binary, and the request's id.

    Raises APIError or ResponseInvalid.
    """
    request_id = succeeded(response, request)
    return (_file if is_binary(response) else _json)(response, request_id), request_id


def succeeded(response: httpx.Response, request: HTTPRequest) -> str:
    """The request's id, where the service did as it was asked. Raises APIError or ResponseInvalid."""
    request_id: str = response.headers.get("X-Request-ID") or request.request_id
    if response.is_success:
        return request_id
    if response.is_redirect:
        where = response.headers.get("Location", "elsewhere")
        raise ResponseInvalid(f"{response.url} redirects to {where}; set base_url to that", request_id=request_id)
    raise _refusal(response, request_id)


def reply_from(answer: Any, request_id: str) -> Reply:
    """The reply that an answer's JSON is. Raises ResponseInvalid where it is none."""
    try:
        return Reply(answer, request_id=request_id)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ResponseInvalid(f"the answer is not a reply of the service: {error!r}", request_id=request_id) from error


def _file(response: httpx.Response, request_id: str) -> Any:
    try:
        return read_tree(response.content, REPLY)
    except ValueError as error:
        raise ResponseInvalid(
            f"the tensors of {response.url} cannot be read: {error}", request_id=request_id
        ) from error


def _json(response: httpx.Response, request_id: str) -> Any:
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError as error:
        kind = response.headers.get("Content-Type", "no content type")
        raise ResponseInvalid(
            f"{response.url} answered {response.status_code}, but not in JSON ({kind}): {error}", request_id=request_id
        ) from error


def _refusal(response: httpx.Response, request_id: str) -> APIError:
    try:
        problem = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        problem = None
    if not isinstance(problem, Mapping):
        problem = {"title": response.reason_phrase, "detail": f"{response.url} gave no reason that can be read"}
    return error_from_problem(problem, response.status_code, request_id=request_id, retry_after=retry_after(response))
