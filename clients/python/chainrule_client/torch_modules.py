"""An `nn.Sequential`, and a torch loss, as the problem fields of a call:

    problem = from_torch(model, nn.MSELoss())
    reply = client.gradients(**problem, inputs=x, targets=y)
    reply.gradients["W1"]          # model[0].weight.grad

torch is imported when `from_torch` is called, and only then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from chainrule_client.layers import linear, loss, op
from chainrule_client.networks import Layer, Network, Parameter

if TYPE_CHECKING:
    import torch
    from torch import nn


class TorchProblem(TypedDict, total=False):
    """Keyword arguments of every compute method. `loss` is there if one was given."""

    network: Network
    loss: dict[str, Any]
    dtype: Literal["float32", "float64"]


def from_torch(module: nn.Module, loss: nn.Module | None = None) -> TorchProblem:
    """The network, loss and dtype of a torch module: an `nn.Sequential`, nested or not, or a single layer.

    Its inputs are taken to have two axes, batch and features: there torch's `dim=1` is the last axis, as the service's
    is. Parameters are named as in `Network.layers`: W1, b1, …; one tensor in several places is a shared weight, under
    torch's name for it. A PReLU's single slope becomes a scalar.
    Raises TypeError for a module, option or dtype that has no equal here, and says which.
    """
    _check(module, loss)
    modules = list(_flat(module, ""))
    tensors = Counter(id(tensor) for _, layer in modules for tensor in layer._parameters.values() if tensor is not None)
    names = {id(tensor): name for name, tensor in module.named_parameters()}
    shared: dict[int, Parameter] = {}

    def parameter(tensor: torch.Tensor | None, shape: tuple[int, ...] | None = None) -> Any:
        value = tensor if tensor is None or shape is None else tensor.detach().reshape(shape)
        if tensor is None or tensors[id(tensor)] == 1:
            return value
        return shared.setdefault(id(tensor), Parameter(names[id(tensor)], value))

    layers = [_layer(where, layer, parameter) for where, layer in modules]
    problem: TorchProblem = {"network": Network.layers(*layers), "dtype": _dtype(module)}
    if loss is not None:
        problem["loss"] = _loss(loss)
    return problem


def _check(module: object, loss: object) -> None:
    """Raises TypeError for what is no module, or the class of one."""
    from torch import nn

    for given in (module, loss):
        if isinstance(given, type):
            raise TypeError(f"{given.__name__} is a class: write {given.__name__}(…)")
    if not isinstance(module, nn.Module):
        raise TypeError(f"a torch module is wanted, such as an nn.Sequential, and not a {type(module).__name__}")


ParameterOf = Callable[..., Any]
"""From a module's tensor, and the shape it is wanted in if that is another, to what a layer is made with."""


def _flat(module: nn.Module, where: str) -> Iterator[tuple[str, nn.Module]]:
    """Every layer with its place, Sequentials opened up."""
    from torch import nn

    if module._forward_hooks or module._forward_pre_hooks:
        raise TypeError(f"{_called(where, module)} has forward hooks, which cannot be expressed; remove them first")
    if isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward:
        for name, child in module._modules.items():
            if child is not None:
                yield from _flat(child, f"{where}.{name}" if where else name)
    else:
        yield where, module


def _layer(where: str, module: nn.Module, parameter: ParameterOf) -> Layer:
    known = _layers()
    if type(module) not in known:
        supported = ", ".join(sorted(kind.__name__ for kind in known))
        raise TypeError(f"{_called(where, module)} is not supported; from_torch knows Sequential, {supported}")
    try:
        return known[type(module)](module, parameter)
    except _NoEqual as error:
        raise TypeError(f"{_called(where, module)}: {error}") from None


def _layers() -> Mapping[type[nn.Module], Callable[[Any, ParameterOf], Layer]]:
    from torch import nn

    return {
        nn.Linear: lambda m, parameter: linear(parameter(m.weight), parameter(m.bias)),
        nn.Identity: lambda _m, _: op("identity"),
        nn.Flatten: _flatten,
        nn.Dropout: _dropout,
        nn.ReLU: lambda _m, _: op("relu"),
        nn.ReLU6: lambda _m, _: op("relu6"),
        nn.Hardtanh: lambda m, _: op("hardtanh", min_val=m.min_val, max_val=m.max_val),
        nn.LeakyReLU: lambda m, _: op("leaky_relu", slope=m.negative_slope),
        nn.PReLU: lambda m, parameter: op("prelu", slope=parameter(m.weight, () if m.num_parameters == 1 else None)),
        nn.ELU: lambda m, _: op("elu", alpha=m.alpha),
        nn.CELU: lambda m, _: op("celu", alpha=m.alpha),
        nn.SELU: lambda _m, _: op("selu"),
        nn.Sigmoid: lambda _m, _: op("sigmoid"),
        nn.Tanh: lambda _m, _: op("tanh"),
        nn.Softplus: _softplus,
        nn.GELU: lambda m, _: op("gelu", approximate=m.approximate),
        nn.SiLU: lambda _m, _: op("silu"),
        nn.Softsign: lambda _m, _: op("softsign"),
        nn.Mish: lambda _m, _: op("mish"),
        nn.Softmax: lambda m, _: _over_classes("softargmax", m),
        nn.LogSoftmax: lambda m, _: _over_classes("log_softargmax", m),
    }


class _NoEqual(Exception):
    """An option of a module that the service cannot express."""


def _flatten(module: nn.Flatten, _: ParameterOf) -> Layer:
    if (module.start_dim, module.end_dim) != (1, -1):
        raise _NoEqual("only Flatten(1, -1), which keeps the batch axis alone, is supported")
    return op("flatten")


def _dropout(module: nn.Dropout, _: ParameterOf) -> Layer:
    if module.training and module.p > 0:
        raise _NoEqual("in training mode its mask is random, so no numbers can be reproduced; call model.eval() first")
    return op("identity")


def _softplus(module: nn.Softplus, _: ParameterOf) -> Layer:
    if module.threshold < 20:
        raise _NoEqual(f"threshold={module.threshold} turns it linear early; the service's is exact")
    return op("softplus", beta=module.beta)


def _over_classes(name: str, module: nn.Softmax | nn.LogSoftmax) -> Layer:
    if module.dim not in (-1, 1):
        raise _NoEqual(f"dim={module.dim}; the classes must be the last axis, so write dim=-1")
    return op(name)


def _dtype(module: nn.Module) -> Literal["float32", "float64"]:
    found = {str(tensor.dtype).removeprefix("torch.") for tensor in module.parameters()}
    if found <= {"float64"}:
        return "float64"
    if found == {"float32"}:
        return "float32"
    raise TypeError(f"parameters are of {', '.join(sorted(found))}; make them all one with model.float() or .double()")


def _called(where: str, module: nn.Module) -> str:
    name = type(module).__name__
    return f"module {where!r} ({name})" if where else name


def _loss(module: nn.Module) -> dict[str, Any]:
    known = _losses()
    if type(module) not in known:
        supported = ", ".join(sorted(kind.__name__ for kind in known))
        raise TypeError(f"{type(module).__name__} is not a supported loss; from_torch knows {supported}")
    name, options = known[type(module)]
    try:
        return loss(name, reduction=module.reduction, **options(module))  # type: ignore[arg-type]
    except _NoEqual as error:
        raise TypeError(f"{type(module).__name__}: {error}") from None


def _losses() -> Mapping[type[nn.Module], tuple[str, Callable[[Any], dict[str, Any]]]]:
    from torch import nn

    return {
        nn.MSELoss: ("mse", lambda _: {}),
        nn.L1Loss: ("l1", lambda _: {}),
        nn.HuberLoss: ("huber", lambda m: {"delta": m.delta}),
        nn.SmoothL1Loss: ("smooth_l1", lambda m: {"beta": m.beta}),
        nn.BCELoss: ("bce", lambda m: {"clamp": "torch", **_without(m, "weight")}),
        nn.BCEWithLogitsLoss: ("bce_logits", lambda m: _without(m, "weight", "pos_weight")),
        nn.CrossEntropyLoss: (
            "cross_entropy",
            lambda m: {**_classes(m), "label_smoothing": m.label_smoothing or None},
        ),
        nn.NLLLoss: ("nll", _classes),
        nn.KLDivLoss: ("kl_div", _kl_div),
    }


def _classes(module: nn.CrossEntropyLoss | nn.NLLLoss) -> dict[str, Any]:
    return {"class_weights": module.weight, "ignore_index": module.ignore_index}


def _kl_div(module: nn.KLDivLoss) -> dict[str, Any]:
    if module.log_target:
        raise _NoEqual("log_target=True is not supported; give the targets as probabilities")
    return {}


def _without(module: nn.Module, *options: str) -> dict[str, Any]:
    for option in options:
        if getattr(module, option) is not None:
            raise _NoEqual(f"{option} is not supported")
    return {}
