"""Pick the namespace for a backend, a device and a dtype."""

from __future__ import annotations

from functools import cache
from typing import cast

from chainrule.engine.backends.namespace import Namespace
from chainrule.engine.backends.numpy import NumpyNamespace, StackedNumpyNamespace


class BackendUnavailable(ValueError):
    """The backend or device asked for is not on this machine. `field` is `backend` or `device`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@cache
def has_gpu() -> bool:
    """Whether there is one for torch, which `auto` then is."""
    try:
        from chainrule.engine.backends.torch import automatic
    except ModuleNotFoundError:
        return False
    return automatic() != "cpu"


@cache
def choose(backend: str, device: str, dtype: str, *, stacked: bool = False) -> Namespace:
    """The namespace for `backend` (`torch`, `numpy`), `device` (`auto`, `cpu`, `cuda`, `cuda:1`) and `dtype`.

    With `stacked`, that for arrays which hold several problems (see `stacked.py`).
    Raises BackendUnavailable where torch is not installed or there is no such device.
    """
    if backend == "numpy":
        if device not in ("auto", "cpu"):
            raise BackendUnavailable("device", f"backend numpy runs on cpu only, not on {device}")
        return cast(Namespace, (StackedNumpyNamespace if stacked else NumpyNamespace)(dtype))
    try:
        from chainrule.engine.backends.torch import StackedTorchNamespace, TorchNamespace
    except ModuleNotFoundError as error:
        raise BackendUnavailable(
            "backend", 'torch is not installed here: write "backend": "numpy", or install chainrule[service]'
        ) from error
    return cast(Namespace, (StackedTorchNamespace if stacked else TorchNamespace)(dtype, device))
