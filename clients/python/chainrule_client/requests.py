"""What is sent: the body that a call's arguments make, and the HTTP request that carries it. Shared by every client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import uuid4

from chainrule.schemas.progress import Watch
from chainrule_client.answers import answer_tree, answers_to_wire
from chainrule_client.networks import Network, Spec
from chainrule_client.tensors import TensorLike, encode, to_wire

NetworkLike: TypeAlias = Network | Spec
Inputs: TypeAlias = TensorLike | Mapping[str, TensorLike]
LossLike: TypeAlias = str | Mapping[str, Any]
Pair: TypeAlias = str | tuple[str, str] | Mapping[str, str]
Pairs: TypeAlias = str | Mapping[str, str] | Sequence[Pair]


ON_THE_WAY = 0.5
"""Seconds, at most, that are left for an answer to arrive."""


@dataclass(frozen=True)
class Call:
    """One operation asked for, its request a tree with the tensors as `to_wire` leaves them."""

    operation: str
    request: Mapping[str, Any]
    request_id: str
    watch: Watch | None = None
    """Who is told how far it has come, where it takes steps."""

    @classmethod
    def of(
        cls, operation: str, request: Mapping[str, Any], request_id: str | None = None, watch: Watch | None = None
    ) -> Call:
        """Raises ValueError for a value that cannot be sent."""
        network = request.get("network")
        spelled_out = {**request, "network": network.spec} if isinstance(network, Network) else dict(request)
        answers = spelled_out.pop("answers", None)
        tree = to_wire(spelled_out, narrow=request.get("dtype") == "float32")
        if answers is not None:
            tree["answers"] = answers_to_wire(answers)
        return cls(operation, tree, request_id or uuid4().hex, watch)

    def http(self) -> HTTPRequest:
        """The same call as a POST. Raises ValueError for what JSON cannot hold."""
        headers = {"Content-Type": "application/json", "X-Request-ID": self.request_id}
        if self.watch is not None:
            headers["Accept"] = "text/event-stream, application/problem+json;q=0.5"
        body = encode(self.request)
        return HTTPRequest("POST", f"/v1/{self.operation}", headers, body, self.watch)


@dataclass(frozen=True)
class HTTPRequest:
    """A request as any HTTP library wants it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None = None
    watch: Watch | None = None
    """Who is told of the answer as it comes."""

    @classmethod
    def get(cls, path: str, request_id: str | None = None) -> HTTPRequest:
        return cls("GET", path, {"X-Request-ID": request_id or uuid4().hex})

    @property
    def request_id(self) -> str:
        return self.headers["X-Request-ID"]

    def headers_within(self, seconds: float | None) -> dict[str, str]:
        """The headers, telling the service how long it may take, where the caller waits so many seconds more.

        That is a little less, so that the service's own word is heard before the caller hangs up.
        """
        if seconds is None:
            return dict(self.headers)
        return {**self.headers, "X-Request-Timeout": f"{seconds - min(ON_THE_WAY, seconds / 10):.3f}"}


def grade_request(
    problem: Mapping[str, Any],
    answers: Mapping[str, Any],
    policy: Mapping[str, Any] | None = None,
    points: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """The request of `grade`. Raises ValueError for answers that name no quantity."""
    given = {"policy": policy, "points": points}
    marked = {name: value for name, value in given.items() if value is not None}
    return {**problem, **marked, "answers": answer_tree(answers)}


def pairs_on_the_wire(pairs: Pairs) -> list[dict[str, str]]:
    """`"y_hat/W1"`, `("y_hat", "W1")` and `{"of": "y_hat", "wrt": "W1"}` all name one Jacobian.

    Raises ValueError for a pair written otherwise.
    """
    return [_pair(pair) for pair in ([pairs] if isinstance(pairs, str | Mapping) else pairs)]


def _pair(pair: Pair) -> dict[str, str]:
    if isinstance(pair, Mapping):
        return dict(pair)
    parts = pair.split("/", 1) if isinstance(pair, str) else list(pair)
    if len(parts) != 2:
        raise ValueError(f'{pair!r} is not a pair; write "y_hat/W1" or ("y_hat", "W1")')
    return {"of": parts[0], "wrt": parts[1]}
