"""The ops as functions, losses and penalties with them. What is left at None is left to the service's default.

Any op the service knows (`Client.ops()` lists them) can be written `op("hardtanh", min_val=-2, max_val=2)`; the
functions below are the same for the common ones. Nothing is checked here: the service does that, with better words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from chainrule_client.networks import Layer, Parameter
from chainrule_client.tensors import TensorLike

ParameterLike: TypeAlias = TensorLike | Parameter | str | Mapping[str, Any]
"""A tensor in place, a `Parameter`, the name of one, or numbers to be drawn."""

Reduction = Literal["none", "sum", "mean", "batchmean"]


def op(op: str, /, *, name: str | None = None, **fields: Any) -> Layer:
    """Any op, with its options and parameters by their names on the wire."""
    return Layer(op, _given(fields), name)


def draw(
    shape: Sequence[int], *, init: str | None = None, scale: float | None = None, seed: int | None = None
) -> dict[str, Any]:
    """A parameter whose numbers the service draws: the same on every machine, for the same arguments."""
    return _given({"shape": list(shape), "init": init, "scale": scale, "seed": seed})


def loss(
    op: str, /, *, reduction: Reduction | None = None, scale: float | None = None, **options: Any
) -> dict[str, Any]:
    """A loss with its options: `loss("squared_error", scale=0.5)`, `loss("cross_entropy", class_weights=w)`."""
    given = _given({"reduction": reduction, "scale": scale, **options})
    return {"op": op, **{name: value.tolist() if hasattr(value, "tolist") else value for name, value in given.items()}}


def l1_penalty(*parameters: str, scale: float | None = None) -> dict[str, Any]:
    """The sum of |w| over the named parameters, times `scale`; for `penalties`."""
    return {"op": "l1_penalty", "parameters": list(parameters), **_given({"scale": scale})}


def l2_penalty(*parameters: str, scale: float | None = None) -> dict[str, Any]:
    """The sum of w² over the named parameters, times `scale`; for `penalties`. A ½ is `scale=0.5`."""
    return {"op": "l2_penalty", "parameters": list(parameters), **_given({"scale": scale})}


def linear(
    weight: ParameterLike,
    bias: ParameterLike | None = None,
    *,
    weight_layout: Literal["out_in", "in_out"] | None = None,
    name: str | None = None,
) -> Layer:
    """s = W x + b, W (out, in), b (out,). With `weight_layout="in_out"` W is (in, out)."""
    return op("linear", weight=weight, bias=bias, weight_layout=weight_layout, name=name)


def identity(*, name: str | None = None) -> Layer:
    """s."""
    return op("identity", name=name)


def relu(*, scale: float | None = None, name: str | None = None) -> Layer:
    """c·max(s, 0), c being `scale`."""
    return op("relu", scale=scale, name=name)


def leaky_relu(*, slope: float | None = None, name: str | None = None) -> Layer:
    """s where positive, else slope·s."""
    return op("leaky_relu", slope=slope, name=name)


def elu(*, alpha: float | None = None, name: str | None = None) -> Layer:
    """s where positive, else α(eˢ − 1)."""
    return op("elu", alpha=alpha, name=name)


def sigmoid(*, name: str | None = None) -> Layer:
    """1/(1 + e⁻ˢ)."""
    return op("sigmoid", name=name)


def tanh(*, name: str | None = None) -> Layer:
    """The hyperbolic tangent."""
    return op("tanh", name=name)


def softplus(*, beta: float | None = None, name: str | None = None) -> Layer:
    """log(1 + e^(βs))/β."""
    return op("softplus", beta=beta, name=name)


def gelu(*, approximate: Literal["none", "tanh"] | None = None, name: str | None = None) -> Layer:
    """s·Φ(s), or its approximation by tanh."""
    return op("gelu", approximate=approximate, name=name)


def silu(*, name: str | None = None) -> Layer:
    """s·σ(s)."""
    return op("silu", name=name)


def softargmax(*, beta: float | None = None, name: str | None = None) -> Layer:
    """e^(βsᵢ)/Σⱼ e^(βsⱼ) over the last axis: what is usually called softmax."""
    return op("softargmax", beta=beta, name=name)


def log_softargmax(*, beta: float | None = None, name: str | None = None) -> Layer:
    """The logarithm of `softargmax`."""
    return op("log_softargmax", beta=beta, name=name)


def logsumexp(*, beta: float | None = None, name: str | None = None) -> Layer:
    """log Σⱼ e^(βsⱼ)/β over the last axis: the soft maximum."""
    return op("logsumexp", beta=beta, name=name)


def flatten(*, name: str | None = None) -> Layer:
    """One example's value as a vector."""
    return op("flatten", name=name)


def reshape(shape: Sequence[int], *, name: str | None = None) -> Layer:
    """One example's value in another shape."""
    return op("reshape", shape=list(shape), name=name)


def concat(*, axis: int | None = None, name: str | None = None) -> Layer:
    """Several values end to end along an axis of one example."""
    return op("concat", axis=axis, name=name)


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in fields.items() if value is not None}
