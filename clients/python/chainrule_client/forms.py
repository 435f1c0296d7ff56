"""In which form calls go out and replies come back: JSON, or from a size on tensors in binary."""

from __future__ import annotations

import httpx

from chainrule.schemas import safetensors
from chainrule_client.requests import Call, HTTPRequest

NOT_TAKEN = 415


def is_binary(message: httpx.Response) -> bool:
    """Whether the body is a file of tensors."""
    kind: str = message.headers.get("Content-Type", "")
    return kind.partition(";")[0].strip().lower() == safetensors.MEDIA_TYPE


class Forms:
    """A client's choice, by default binary for large calls. A service that takes no binary is sent JSON from then on.

    binary: True for every call, False for none. Threads may share one.
    """

    def __init__(self, binary: bool | None = None) -> None:
        self._chosen = binary
        self._is_taken = True

    def request(self, call: Call) -> HTTPRequest:
        """The call as a POST. Raises ValueError for what cannot be sent."""
        return call.http(binary=call.large and self._is_taken if self._chosen is None else self._chosen)

    def instead(self, call: Call, request: HTTPRequest, response: httpx.Response) -> HTTPRequest | None:
        """The call in JSON, where the service did not take it in binary and the form was not the caller's choice."""
        was_binary = request.headers["Content-Type"] == safetensors.MEDIA_TYPE
        if response.status_code != NOT_TAKEN or self._chosen is not None or not was_binary:
            return None
        self._is_taken = False
        return self.request(call)
