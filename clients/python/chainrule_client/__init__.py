"""Python client of the chainrule service.

    from chainrule_client import Client, Network, identity, linear, relu

    network = Network.layers(linear(W1, b1), relu(scale=3), linear(W2, b2), identity())
    with Client() as client:
        reply = client.gradients(network, x, y, "squared_error")
    reply.loss, reply.gradients["W1"]

`AsyncClient` has the same methods, awaited. `local` has them in process, on NumPy, with no service.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from chainrule_client.errors import (
    APIError,
    AuthenticationFailed,
    ChainruleError,
    ConnectionFailed,
    Fault,
    InvalidRequest,
    NotFound,
    Overloaded,
    ResponseInvalid,
    ServerFault,
    TimedOut,
    TooLarge,
)
from chainrule_client.layers import (
    concat,
    draw,
    elu,
    flatten,
    gelu,
    identity,
    l1_penalty,
    l2_penalty,
    leaky_relu,
    linear,
    log_softargmax,
    logsumexp,
    loss,
    op,
    relu,
    reshape,
    sigmoid,
    silu,
    softargmax,
    softplus,
    tanh,
)
from chainrule_client.networks import Input, Layer, Network, Node, Parameter
from chainrule_client.replies import Jacobian, Kink, Reply, Step, TraceEntry
from chainrule_client.retries import Retries

if TYPE_CHECKING:
    from chainrule_client import local
    from chainrule_client.async_client import AsyncClient
    from chainrule_client.client import Client
    from chainrule_client.local import LocalClient
    from chainrule_client.torch_modules import from_torch

# Each costs an import that not every program needs: httpx, the engine.
_LOADED_WHEN_ASKED_FOR = {
    "AsyncClient": "async_client",
    "Client": "client",
    "LocalClient": "local",
    "from_torch": "torch_modules",
}

__all__ = [
    "APIError",
    "AsyncClient",
    "AuthenticationFailed",
    "ChainruleError",
    "Client",
    "ConnectionFailed",
    "Fault",
    "Input",
    "InvalidRequest",
    "Jacobian",
    "Kink",
    "Layer",
    "LocalClient",
    "Network",
    "Node",
    "NotFound",
    "Overloaded",
    "Parameter",
    "Reply",
    "ResponseInvalid",
    "Retries",
    "ServerFault",
    "Step",
    "TimedOut",
    "TooLarge",
    "TraceEntry",
    "concat",
    "draw",
    "elu",
    "flatten",
    "from_torch",
    "gelu",
    "identity",
    "l1_penalty",
    "l2_penalty",
    "leaky_relu",
    "linear",
    "local",
    "log_softargmax",
    "logsumexp",
    "loss",
    "op",
    "relu",
    "reshape",
    "sigmoid",
    "silu",
    "softargmax",
    "softplus",
    "tanh",
]


def __getattr__(name: str) -> Any:
    if name == "local":
        return import_module("chainrule_client.local")
    if name in _LOADED_WHEN_ASKED_FOR:
        return getattr(import_module(f"chainrule_client.{_LOADED_WHEN_ASKED_FOR[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
