"""The namespace on torch, on the CPU or a CUDA device. No tensor here ever asks for a gradient.

On CUDA every thread has a stream of its own, so that a short request need not wait for a long one. The functions that
answer questions about values wait for it, and so do `asarray` and `to_numpy`, which move what pageable memory holds. No
other does: `tests/engine/ops/test_devices.py` holds every rule to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from threading import local
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from chainrule.engine.backends.choose import BackendUnavailable
from chainrule.engine.backends.namespace import NUMBERS, Array, Axis, Shape
from chainrule.engine.backends.stacked import Stacked

_threshold_backward = torch.ops.aten.threshold_backward.default
"""Its overload by name: choosing it anew at every call takes as long as the function itself."""


class _Streams(local):
    """Those of one thread, by device."""

    def __init__(self) -> None:
        self._made: dict[torch.device, torch.cuda.Stream] = {}

    def on(self, device: torch.device) -> torch.cuda.Stream:
        if device not in self._made:
            self._made[device] = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        return self._made[device]


_streams = _Streams()


def automatic() -> str:
    """The device that `auto` stands for: a GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def _device(asked: str) -> torch.device:
    device = torch.device(automatic() if asked == "auto" else asked)
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count == 0:
            raise BackendUnavailable("device", 'this machine has no CUDA device: write "device": "cpu" or "auto"')
        if int(asked.partition(":")[2] or 0) >= count:  # torch counts in 8 bits: its cuda:256 is cuda:0
            raise BackendUnavailable("device", f"{asked} asked for; this machine has cuda:0 to cuda:{count - 1}")
    return device


@contextmanager
def _on_own_stream(device: torch.device) -> Iterator[None]:
    with torch.inference_mode(), torch.cuda.stream(_streams.on(device)):
        yield


class TorchNamespace:
    """torch at one dtype on one device.

    Making one keeps float32 at float32 for the whole process: TF32 has ten bits after the point, and some images turn
    it on (TORCH_ALLOW_TF32_CUBLAS_OVERRIDE).
    """

    name = "torch"
    number_axes = 0

    def __init__(self, dtype: str, device: str) -> None:
        self.dtype = dtype
        self._dtype: torch.dtype = getattr(torch, dtype)
        self._device = _device(device)
        self.device = str(self._device)
        self._on_cpu = self._device.type == "cpu"
        self.computing = torch.inference_mode if self._on_cpu else partial(_on_own_stream, self._device)
        self.tiny = torch.finfo(self._dtype).tiny
        torch.set_float32_matmul_precision("highest")
        # From the host, which waits until they are there: any thread may use them, on whatever stream.
        self.zero = torch.tensor(0.0, dtype=self._dtype, device=self._device)
        self.one = torch.tensor(1.0, dtype=self._dtype, device=self._device)
        self._number = lru_cache(NUMBERS)(self._make_number)

    def _make_number(self, value: float) -> Array:
        # A GPU's kernels take a number as an argument, while an array of it would be copied there, and waited for.
        return torch.tensor(value, dtype=self._dtype) if self._on_cpu else value

    def asarray(self, values: NDArray[Any]) -> Array:
        kind = torch.int64 if values.dtype.kind in "iu" else self._dtype
        if not values.flags.writeable or not values.dtype.isnative:
            values = values.astype(values.dtype.newbyteorder("="))
        tensor = torch.from_numpy(np.ascontiguousarray(values) if values.ndim else values)
        return tensor if self._on_cpu and tensor.dtype is kind else tensor.to(self._device, kind)

    def to_numpy(self, array: Array) -> NDArray[Any]:
        if not isinstance(array, torch.Tensor):
            return np.asarray(array)
        return array.numpy() if self._on_cpu else array.cpu().numpy()

    def zeros(self, shape: Shape) -> Array:
        return torch.zeros(shape, dtype=self._dtype, device=self._device)

    def ones(self, shape: Shape) -> Array:
        return torch.ones(shape, dtype=self._dtype, device=self._device)

    def eye(self, n: int) -> Array:
        return torch.eye(n, dtype=self._dtype, device=self._device)

    ones_like = staticmethod(torch.ones_like)

    exp = staticmethod(torch.exp)
    log = staticmethod(torch.log)
    log1p = staticmethod(torch.log1p)
    expm1 = staticmethod(torch.expm1)
    sqrt = staticmethod(torch.sqrt)
    tanh = staticmethod(torch.tanh)
    erf = staticmethod(torch.erf)
    abs = staticmethod(torch.abs)
    sign = staticmethod(torch.sign)
    sigmoid = staticmethod(torch.sigmoid)
    relu = staticmethod(torch.relu)
    maximum = staticmethod(torch.maximum)
    matmul = staticmethod(torch.matmul)
    linear = staticmethod(torch.nn.functional.linear)
    where = staticmethod(torch.where)
    moveaxis = staticmethod(torch.movedim)
    permute = staticmethod(torch.permute)
    broadcast_to = staticmethod(torch.broadcast_to)

    @staticmethod
    def contract(left: Array, right: Array) -> Array:
        return torch.matmul(left.mT, right)

    def times(self, x: Array, number: float) -> Array:
        return x * self._number(number)

    def step(self, x: Array) -> Array:
        return torch.heaviside(x, self.zero)

    def softplus(self, x: Array) -> Array:
        return torch.logaddexp(x, self.zero)

    @staticmethod
    def where_positive(x: Array, y: Array) -> Array:
        return _threshold_backward(y, x, 0)

    @staticmethod
    def clip(x: Array, low: float, high: float) -> Array:
        return torch.clamp(x, low, high)

    def as_float(self, mask: Array) -> Array:
        return mask.to(self._dtype)

    @staticmethod
    def sum(x: Array, axis: Axis, keepdims: bool = False) -> Array:
        return x.sum(axis, keepdim=keepdims)

    @staticmethod
    def sum_all(x: Array) -> Array:
        return x.sum()

    @staticmethod
    def sum_leading(x: Array, axis: int) -> Array:
        return x.sum(axis)

    @staticmethod
    def max(x: Array, axis: Axis, keepdims: bool = False) -> Array:
        return torch.amax(x, axis, keepdim=keepdims)

    @staticmethod
    def logsumexp(x: Array, axis: Axis, keepdims: bool = False) -> Array:
        return torch.logsumexp(x, axis, keepdim=keepdims)

    @staticmethod
    def softargmax(x: Array, axis: int) -> Array:
        return torch.softmax(x, axis)

    @staticmethod
    def concat(arrays: Sequence[Array], axis: int) -> Array:
        return torch.cat(tuple(arrays), axis)

    @staticmethod
    def contiguous(x: Array) -> Array:
        return x.contiguous()

    def one_hot(self, indices: Array, classes: int) -> Array:
        return (indices[..., None] == torch.arange(classes, device=self._device)).to(self._dtype)

    @staticmethod
    def size(x: torch.Tensor) -> int:
        return x.numel()

    @staticmethod
    def examples(x: Array) -> int:
        return len(x)

    def count_nonzero(self, x: Array) -> int:
        return int(np.count_nonzero(x.numpy()) if self._on_cpu else torch.count_nonzero(x))

    @staticmethod
    def is_integer(x: Array) -> bool:
        return not (x.is_floating_point() or x.is_complex())


class StackedTorchNamespace(Stacked, TorchNamespace):  # type: ignore[misc]
    """The same for a stack of problems."""

    @staticmethod
    def linear(x: Array, weight: Array, bias: Array | None) -> Array:  # type: ignore[override]
        if bias is None or x.ndim != 3:
            return Stacked.linear(x, weight, bias)
        return torch.baddbmm(bias, x, weight[:, 0].mT)
