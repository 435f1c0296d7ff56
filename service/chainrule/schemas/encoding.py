"""Replies as JSON: arrays written as they lie, values that are not finite as the strings that name them."""

import re
from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from chainrule.schemas.safetensors import Buffer

_SHORT = 1 << 16

LONG = 1 << 16
"""Numbers in a reply from which it is worth writing piece by piece."""
PIECE = 1 << 15
"""Numbers written at a time, a millisecond's worth: orjson lets no other thread run meanwhile."""

_NULL = re.compile(rb"null")
"""For bytes, searching by expression takes half as long as `in`."""

_HERE = orjson.Fragment(b"\0")
"""What no JSON text has, where a long array belongs."""


def encode(reply: Mapping[str, Any], on_nonfinite: Callable[[list[str]], object] | None = None) -> bytes:
    """The JSON text of a tree of dicts with text keys, lists, text, numbers and NumPy arrays.

    An array without axes is written as a number. NaN and the infinities are written "NaN", "Infinity" and
    "-Infinity"; where there are any, `on_nonfinite` is called first with their paths (see `nonfinite`), and
    may still change the reply. Raises TypeError for a tree that holds something else.
    """
    try:
        text = _dumps(reply)
        # orjson writes null for what is not finite. In a long text a search takes longer than a look at the arrays.
        if len(text) <= _SHORT and _NULL.search(text) is None:
            return text
    except orjson.JSONEncodeError:  # perhaps for an array in the other byte order
        text = b""
    paths = nonfinite(reply)
    if text and not paths:
        return text
    if paths and on_nonfinite is not None:
        on_nonfinite(paths)
    return _dumps(spelled(reply))


def encode_long(
    reply: Mapping[str, Any], on_nonfinite: Callable[[list[str]], object] | None = None
) -> bytes | list[Buffer]:
    """The text that `encode` gives; with long arrays in it, in pieces to be sent one after another."""
    if not _has_long(reply):
        return encode(reply, on_nonfinite)
    paths = nonfinite(reply)
    if paths and on_nonfinite is not None:
        on_nonfinite(paths)
    arrays: list[NDArray[Any]] = []
    rest = _without_arrays(reply, arrays)
    between = _dumps(spelled(rest) if paths else rest).split(b"\0")
    pieces: list[Buffer] = [between[0]]
    for array, text in zip(arrays, between[1:], strict=True):
        pieces += _pieces(array, finite=not paths and array.dtype.isnative)
        pieces.append(text)
    return pieces


def _has_long(tree: Any) -> bool:
    waiting = [tree]
    while waiting:
        item = waiting.pop()
        if isinstance(item, np.ndarray):
            if item.size > PIECE:
                return True
        elif isinstance(item, Mapping):
            waiting += item.values()
        elif isinstance(item, list | tuple):
            waiting += item
    return False


def _without_arrays(tree: Any, arrays: list[NDArray[Any]]) -> Any:
    """The tree with a mark for each array of more than PIECE numbers, which are added to `arrays`."""
    if isinstance(tree, Mapping):
        return {key: _without_arrays(item, arrays) for key, item in tree.items()}
    if isinstance(tree, list | tuple):
        return [_without_arrays(item, arrays) for item in tree]
    if isinstance(tree, np.ndarray) and tree.size > PIECE:
        arrays.append(tree)
        return _HERE
    return tree


def _pieces(array: NDArray[Any], finite: bool) -> Iterator[Buffer]:
    """The text of an array, cut between rows of the first axis that has short ones."""
    if array.ndim > 1 and array.size > PIECE * len(array):
        for index, row in enumerate(array):
            yield b"," if index else b"["
            yield from _pieces(row, finite)
        yield b"]"
        return
    rows = max(1, PIECE * len(array) // array.size)
    for start in range(0, len(array), rows):
        yield b"," if start else b"["
        piece = array[start : start + rows]
        yield memoryview(_dumps(piece if finite else spelled(piece)))[1:-1]
    yield b"]"


def _dumps(tree: object) -> bytes:
    return orjson.dumps(tree, default=_in_order, option=orjson.OPT_SERIALIZE_NUMPY)


def _in_order(value: object) -> object:
    """What orjson asks for where an array has no axes or is not C-contiguous."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        return np.ascontiguousarray(value) if value.ndim else value.item()
    raise TypeError


def nonfinite(reply: Mapping[str, Any]) -> list[str]:
    """Paths, such as `gradients.y_hat`, of the arrays and numbers that are or hold NaN or an infinity."""
    return list(_nonfinite(reply, ""))


def _nonfinite(tree: object, path: str) -> Iterator[str]:
    if isinstance(tree, Mapping):
        for key, item in tree.items():
            yield from _nonfinite(item, f"{path}.{key}" if path else key)
    elif isinstance(tree, list | tuple):
        for index, item in enumerate(tree):
            yield from _nonfinite(item, f"{path}[{index}]")
    elif not _is_finite(tree):
        yield path


def _is_finite(value: object) -> bool:
    if isinstance(value, float):
        return isfinite(value)
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "f":
        return bool(np.isfinite(value).all())
    return True


def spelled(tree: Any) -> Any:
    """The tree with its numbers that are not finite in words, and its arrays in this machine's byte order."""
    if isinstance(tree, Mapping):
        return {key: spelled(item) for key, item in tree.items()}
    if isinstance(tree, list | tuple):
        return [spelled(item) for item in tree]
    if isinstance(tree, np.ndarray | np.generic) and tree.dtype.kind == "f":
        array = np.asarray(tree, tree.dtype.newbyteorder("="))
        return array if np.isfinite(array).all() else _words(array)
    if isinstance(tree, np.ndarray):
        return tree.astype(tree.dtype.newbyteorder("="), copy=False)
    return tree if _is_finite(tree) else _words(np.array(tree))


def _words(array: NDArray[np.floating[Any]]) -> Any:
    spelled = array.astype(object)
    spelled[np.isnan(array)] = "NaN"
    spelled[np.isposinf(array)] = "Infinity"
    spelled[np.isneginf(array)] = "-Infinity"
    return spelled.tolist()


def to_array(value: Any) -> NDArray[np.float64]:
    """A tensor of a reply as a float64 array of its own.

    It is a number, an array, or nested lists of numbers and the words of `encode`.

    Raises ValueError where it is no such thing.
    """
    array = np.asarray(value) if isinstance(value, np.ndarray) else np.array(value)
    if array.dtype.kind in "fiu":
        return array.astype(np.float64)
    if array.dtype.kind != "U":
        raise ValueError("a tensor holds numbers, or NaN, Infinity and -Infinity in words")
    return np.array(value, np.float64)
