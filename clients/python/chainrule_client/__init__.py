"""Python client of the chainrule service.

    from chainrule_client import Client, Network, identity, linear, relu

    network = Network.layers(linear(W1, b1), relu(scale=3), linear(W2, b2), identity())
    with Client() as client:
        reply = client.gradients(network, x, y, "squared_error")
    reply.loss, reply.gradients["W1"]

`AsyncClient` has the same methods, awaited. `local` has them in process, on NumPy, with no service.
"""

from __future__ import annotations

import gc
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chainrule_client import local as local
    from chainrule_client.async_client import AsyncClient as AsyncClient
    from chainrule_client.classes.graded import Graded as Graded
    from chainrule_client.client import Client as Client
    from chainrule_client.errors import APIError as APIError
    from chainrule_client.errors import AuthenticationFailed as AuthenticationFailed
    from chainrule_client.errors import ChainruleError as ChainruleError
    from chainrule_client.errors import ConnectionFailed as ConnectionFailed
    from chainrule_client.errors import DeadlineExceeded as DeadlineExceeded
    from chainrule_client.errors import Fault as Fault
    from chainrule_client.errors import InvalidRequest as InvalidRequest
    from chainrule_client.errors import NotFound as NotFound
    from chainrule_client.errors import Overloaded as Overloaded
    from chainrule_client.errors import ResponseInvalid as ResponseInvalid
    from chainrule_client.errors import ServerFault as ServerFault
    from chainrule_client.errors import TimedOut as TimedOut
    from chainrule_client.errors import TooLarge as TooLarge
    from chainrule_client.flows import Flow as Flow
    from chainrule_client.flows import NodeFlow as NodeFlow
    from chainrule_client.graphs import GraphEdge as GraphEdge
    from chainrule_client.graphs import GraphNode as GraphNode
    from chainrule_client.jacobians import Jacobian as Jacobian
    from chainrule_client.layers import concat as concat
    from chainrule_client.layers import draw as draw
    from chainrule_client.layers import elu as elu
    from chainrule_client.layers import flatten as flatten
    from chainrule_client.layers import gelu as gelu
    from chainrule_client.layers import identity as identity
    from chainrule_client.layers import l1_penalty as l1_penalty
    from chainrule_client.layers import l2_penalty as l2_penalty
    from chainrule_client.layers import leaky_relu as leaky_relu
    from chainrule_client.layers import linear as linear
    from chainrule_client.layers import log_softargmax as log_softargmax
    from chainrule_client.layers import logsumexp as logsumexp
    from chainrule_client.layers import loss as loss
    from chainrule_client.layers import op as op
    from chainrule_client.layers import relu as relu
    from chainrule_client.layers import reshape as reshape
    from chainrule_client.layers import sigmoid as sigmoid
    from chainrule_client.layers import silu as silu
    from chainrule_client.layers import softargmax as softargmax
    from chainrule_client.layers import softplus as softplus
    from chainrule_client.layers import tanh as tanh
    from chainrule_client.local import LocalClient as LocalClient
    from chainrule_client.networks import Input as Input
    from chainrule_client.networks import Layer as Layer
    from chainrule_client.networks import Network as Network
    from chainrule_client.networks import Node as Node
    from chainrule_client.networks import Parameter as Parameter
    from chainrule_client.replies import Kink as Kink
    from chainrule_client.replies import Reply as Reply
    from chainrule_client.replies import Step as Step
    from chainrule_client.replies import TraceEntry as TraceEntry
    from chainrule_client.retries import Retries as Retries
    from chainrule_client.torch_modules import from_torch as from_torch
    from chainrule_client.training import TrainingStep as TrainingStep

# A module is imported when a name of it is first asked for: building a network loads no HTTP, the command loads NumPy
# only where it computes, and `chainrule serve` can still say how many threads NumPy shall have.
_NAMES = {
    "async_client": "AsyncClient",
    "classes.graded": "Graded",
    "client": "Client",
    "errors": (
        "APIError AuthenticationFailed ChainruleError ConnectionFailed DeadlineExceeded Fault InvalidRequest "
        "NotFound Overloaded ResponseInvalid ServerFault TimedOut TooLarge"
    ),
    "flows": "Flow NodeFlow",
    "graphs": "GraphEdge GraphNode",
    "jacobians": "Jacobian",
    "layers": (
        "concat draw elu flatten gelu identity l1_penalty l2_penalty leaky_relu linear "
        "log_softargmax logsumexp loss op relu reshape sigmoid silu softargmax softplus tanh"
    ),
    "local": "LocalClient",
    "networks": "Input Layer Network Node Parameter",
    "replies": "Kink Reply Step TraceEntry",
    "retries": "Retries",
    "torch_modules": "from_torch",
    "training": "TrainingStep",
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = ["local", *_HOMES]


def __getattr__(name: str) -> Any:
    if name == "local":
        return _loaded("local")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(_loaded(_HOMES[name]), name)
    return found


def _loaded(module: str) -> ModuleType:
    """A module of this package. Loading makes many objects and no garbage: looking for some takes an eighth of it."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        return import_module(f"chainrule_client.{module}")
    finally:
        if collecting:
            gc.enable()


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
