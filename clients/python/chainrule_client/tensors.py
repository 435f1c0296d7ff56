"""Tensors on their way out: NumPy arrays, torch tensors and lists, as the wire has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isfinite
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import orjson
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]


@runtime_checkable
class TorchTensor(Protocol):
    """What is asked of a torch tensor, so that torch need not be installed."""

    dtype: Any

    def detach(self) -> Any: ...
    def cpu(self) -> Any: ...
    def float(self) -> Any: ...
    def numpy(self) -> Any: ...


# Numbers nest as lists do, so there is no narrower type for the list form.
TensorLike: TypeAlias = NDArray[Any] | TorchTensor | Sequence[Any] | float


def to_wire(value: Any, at: str = "", *, narrow: bool = False) -> Any:
    """The same tree with every array one that JSON can hold: contiguous, native, finite, of integers or reals.

    `at` is the JSON pointer of `value`, for messages. Lists of numbers stay lists: the service decodes them strictly.
    Reals become float64, so that the digits sent are those of the number held; with `narrow`, for a service told to
    compute in float32, a float32 array stays one and takes half the bytes.
    Raises ValueError where a number is not finite or an array does not hold real numbers.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return _finite(value, at)
    if isinstance(value, np.ndarray | np.generic):
        return _array(np.asarray(value), at, narrow)
    if isinstance(value, list | tuple):
        return _sequence(value, at, narrow)
    if isinstance(value, Mapping):
        return {key: to_wire(item, f"{at}/{key}", narrow=narrow) for key, item in value.items()}
    if isinstance(value, TorchTensor):
        return _array(from_torch(value), at, narrow)
    raise ValueError(f"{at or '/'} is a {type(value).__name__}; a tensor is a NumPy array, a torch tensor or a list")


def encode(tree: Any) -> bytes:
    """JSON of a tree that `to_wire` made. Raises ValueError for what JSON or the service cannot hold."""
    try:
        return orjson.dumps(tree, option=orjson.OPT_SERIALIZE_NUMPY)
    except orjson.JSONEncodeError as error:
        raise ValueError(f"the request cannot be written as JSON: {error}") from error


def _finite(value: float, at: str) -> float:
    if not isfinite(value):
        raise ValueError(f"{at or '/'} is {value}; only finite numbers can be sent")
    return value


def _sequence(value: Sequence[Any], at: str, narrow: bool) -> list[Any]:
    kinds = set(map(type, value))
    if not kinds <= {float, int}:
        return [to_wire(item, f"{at}/{index}", narrow=narrow) for index, item in enumerate(value)]
    if float in kinds and not all(-inf < item < inf for item in value):
        for index, item in enumerate(value):
            _finite(item, f"{at}/{index}")
    return list(value)


def from_torch(tensor: TorchTensor) -> NDArray[Any]:
    """A torch tensor's numbers."""
    tensor = tensor.detach().cpu()
    if str(tensor.dtype) == "torch.bfloat16":  # NumPy has none; float32 holds it exactly
        tensor = tensor.float()
    return np.asarray(tensor.numpy())


def _array(array: NDArray[Any], at: str, narrow: bool) -> Any:
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{at or '/'} is an array of {array.dtype}; a tensor holds integers or real numbers")
    dtype = array.dtype.newbyteorder("=")
    if array.dtype.kind == "f":
        _all_finite(array, at)
        dtype = dtype if narrow and array.dtype.itemsize == 4 else np.dtype(np.float64)
    if array.ndim == 0:
        return array.astype(dtype).item()
    return np.ascontiguousarray(array, dtype=dtype)


def _all_finite(array: NDArray[Any], at: str) -> None:
    finite = np.isfinite(array)
    if not finite.all():
        where = np.unravel_index(int(np.argmin(finite)), array.shape)
        _finite(float(array[where]), "/".join([at, *map(str, where)]))
