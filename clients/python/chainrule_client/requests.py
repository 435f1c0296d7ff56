"""What is sent: the body that a call's arguments make, and the HTTP request that carries it. Shared by every client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import uuid4

from chainrule.schemas import safetensors
from chainrule.schemas.binary import REQUEST, write_tree
from chainrule.schemas.progress import Watch
from chainrule_client.answers import answer_tree, answers_to_wire
from chainrule_client.networks import Layer, Network, Spec
from chainrule_client.tensors import TensorLike, encode, is_large, to_wire

JSON = "application/json"

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
    large: bool = False
    """Whether it is quicker in binary. Its arrays are then as they were given."""

    @classmethod
    def of(
        cls, operation: str, request: Mapping[str, Any], request_id: str | None = None, watch: Watch | None = None
    ) -> Call:
        """Raises ValueError for a value that cannot be sent."""
        spelled_out = dict(request) if "network" not in request else {**request, "network": _spec(request["network"])}
        answers = spelled_out.pop("answers", None)
        large = is_large(spelled_out) or is_large(answers)
        tree = _sendable(spelled_out, answers, as_held=large)
        return cls(operation, tree, request_id or uuid4().hex, watch, large)

    def http(self, *, binary: bool = False) -> HTTPRequest:
        """The same call as a POST, in JSON if its lists are too long for the header of a file.

        Raises ValueError for what JSON cannot hold.
        """
        file = self.file() if binary else None
        body, kind = (self.json(), JSON) if file is None else (file, safetensors.MEDIA_TYPE)
        headers = {"X-Request-ID": self.request_id, "Content-Type": kind}
        if self.watch is not None:
            headers["Accept"] = "text/event-stream, application/problem+json;q=0.5"
        elif file is not None:
            headers["Accept"] = f"{safetensors.MEDIA_TYPE}, {JSON};q=0.5, application/problem+json;q=0.5"
        return HTTPRequest("POST", f"/v1/{self.operation}", headers, body, self.watch)

    def json(self) -> bytes:
        """The request as JSON. Raises ValueError for what that cannot hold."""
        if not self.large:
            return encode(self.request)
        rest = {name: value for name, value in self.request.items() if name != "answers"}
        return encode(_sendable(rest, self.request.get("answers")))

    def file(self) -> bytes | None:
        """The request as a file of its tensors; None where all the rest is longer than a header may be."""
        pieces = write_tree(self.request, REQUEST)
        return b"".join(pieces) if len(pieces[0]) <= safetensors.MAX_HEADER else None


def _spec(network: Any) -> Any:
    """The network as the wire has it. Raises ValueError for what should have been made one."""
    if isinstance(network, Network):
        return network.spec
    if isinstance(network, Layer) or (isinstance(network, list | tuple) and any(isinstance(x, Layer) for x in network)):
        raise ValueError("/network is layers and no network: write Network.layers(…), each layer an argument")
    return network


def _sendable(request: Mapping[str, Any], answers: Any, *, as_held: bool = False) -> dict[str, Any]:
    tree: dict[str, Any] = to_wire(request, narrow=request.get("dtype") == "float32", as_held=as_held)
    if answers is not None:
        tree["answers"] = answers_to_wire(answers, as_held=as_held)
    return tree


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
    """The request of `grade`. Raises ValueError for answers that name no quantity, and for what is no problem."""
    return {**marked(problem, policy, points), "answers": answer_tree(answers)}


def marked(
    problem: Mapping[str, Any], policy: Mapping[str, Any] | None = None, points: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """The fields of a problem, and how answers to it are marked. Raises ValueError for what is no problem."""
    if not isinstance(problem, Mapping):
        raise ValueError('a problem has fields: dict(network=…, inputs=…, …), or {"problem": "set/problem", "seed": 7}')
    given = {"policy": policy, "points": points}
    return {**problem, **{name: value for name, value in given.items() if value is not None}}


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
