"""Files of the safetensors format: one text under a key of the metadata, and tensors by name.

    8 bytes   the header's length n, little-endian
    n bytes   the header, JSON: {"__metadata__": {key: text}, name: {"dtype", "shape", "data_offsets"}, …}
    the rest  the tensors' bytes, little-endian, in C order, one after another without gaps

Nothing in a header is believed: every length and offset is checked in Python's integers, which do not overflow, before
anything is made of it. A tensor that is read is a view of the file's bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

from chainrule.schemas.envelope import MAX_RANK, MalformedBody

MEDIA_TYPE = "application/vnd.safetensors"

MAX_HEADER = 1 << 22
"""Most bytes of a header. One of a request, whose tensors are in the file, needs a small part of that."""

DTYPES: Mapping[str, np.dtype[Any]] = {
    name: np.dtype(code) for name, code in {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4"}.items()
}
"""The format has more. Half precision is left out since nothing is computed in it."""
NAMES: Mapping[np.dtype[Any], str] = {dtype: name for name, dtype in DTYPES.items()}

_LENGTH = 8
_METADATA = "__metadata__"
_FIELDS = {"dtype", "shape", "data_offsets"}

Tensors: TypeAlias = Mapping[str, NDArray[Any]]
Buffer: TypeAlias = bytes | bytearray | memoryview


class MalformedFile(MalformedBody):
    """Bytes that are no such file, or one beyond what is taken. The message quotes names alone."""


@dataclass(frozen=True, slots=True)
class File:
    """What is in a file: the text, as UTF-8, and the tensors."""

    text: bytes
    tensors: Tensors


def read(body: Buffer, key: str, most_axes: int = MAX_RANK) -> File:
    """The file in `body`, with the text that stands under `key` in its metadata. Raises MalformedFile.

    The tensors share memory with `body`, and may be written to where that may.
    """
    if len(body) < _LENGTH:
        raise MalformedFile(f"the body has {len(body)} bytes; the length of the header alone takes {_LENGTH}")
    length = int.from_bytes(body[:_LENGTH], "little")
    if length > MAX_HEADER:
        raise MalformedFile(f"the header is said to have {length} bytes, more than the {MAX_HEADER} that are taken")
    start = _LENGTH + length
    if start > len(body):
        raise MalformedFile(f"the header is said to have {length} bytes; {len(body) - _LENGTH} follow")
    header = _header(bytes(body[_LENGTH:start]))
    text = _text(header.pop(_METADATA, None), key)
    described = [_described(name, entry, most_axes) for name, entry in header.items()]
    _check_gapless(described, len(body) - start)
    return File(text, {each.name: each.view(body, start) for each in described})


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = orjson.loads(text)  # strict where json is not: NaN, lone surrogates, nesting
        json.loads(text, object_pairs_hook=_without_repeats)
    except RecursionError:
        raise MalformedFile("the header is nested deeper than any header is") from None
    except orjson.JSONDecodeError as error:
        raise MalformedFile(f"the header is not JSON: {error.msg}, at byte {_LENGTH + error.pos}") from None
    if not isinstance(header, dict):
        raise MalformedFile("the header is JSON but not an object")
    return header


def _without_repeats(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) < len(pairs):
        raise MalformedFile("an object of the header has the same key twice")


def _text(metadata: object, key: str) -> bytes:
    if not isinstance(metadata, dict) or key not in metadata:
        raise MalformedFile(f"the metadata has no {key}: it is the JSON, as a string, that the tensors belong to")
    if not all(isinstance(value, str) for value in metadata.values()):
        raise MalformedFile(f"the metadata has a value that is no string; {key} is JSON within a string")
    return str(metadata[key]).encode()


@dataclass(frozen=True, slots=True)
class _Described:
    """A tensor as the header has it: its bytes begin at `begin` and end before `end`, counted from the header's end."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    begin: int
    end: int

    def view(self, body: Buffer, start: int) -> NDArray[Any]:
        count = (self.end - self.begin) // self.dtype.itemsize
        found = np.frombuffer(body, self.dtype, count, start + self.begin).reshape(self.shape)
        return found if found.flags.aligned else found.copy()


def _described(name: str, entry: object, most_axes: int) -> _Described:
    where = f"the tensor {name[:100]}"
    if not isinstance(entry, dict) or set(entry) != _FIELDS:
        raise MalformedFile(f"{where} wants dtype, shape and data_offsets, and nothing else")
    dtype = DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        raise MalformedFile(f"{where} has a dtype that is not taken; those that are: {', '.join(DTYPES)}")
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not _are_naturals(shape) or len(shape) > most_axes:
        raise MalformedFile(f"{where} wants a shape of at most {most_axes} lengths, each an integer from 0")
    if not _are_naturals(offsets) or len(offsets) != 2:
        raise MalformedFile(f"{where} wants data_offsets [begin, end], integers from 0")
    if 0 in shape:
        raise MalformedFile(f"{where} is empty: its shape is {shape}")
    begin, end = offsets
    if end - begin != prod(shape) * dtype.itemsize:
        raise MalformedFile(f"{where} has {end - begin} bytes by its data_offsets, not what its dtype and shape take")
    return _Described(name, dtype, tuple(shape), begin, end)


def _are_naturals(found: object) -> bool:
    return isinstance(found, list) and all(type(number) is int and number >= 0 for number in found)


def _check_gapless(described: list[_Described], length: int) -> None:
    """Raises MalformedFile where tensors overlap, or bytes belong to none, or to more than there are."""
    reached = 0
    for each in sorted(described, key=lambda each: each.begin):
        if each.begin != reached:
            raise MalformedFile(
                f"the tensor {each.name[:100]} begins at byte {each.begin} of the data, and the one before it ends at "
                f"{reached}: they have to follow each other without gaps"
            )
        reached = each.end
    if reached != length:
        raise MalformedFile(f"the tensors take {reached} bytes by their data_offsets; {length} follow the header")


def write(text: bytes, tensors: Tensors, key: str) -> list[Buffer]:
    """The file that `read` reads, in pieces to be sent one after another: the header, then views of the arrays.

    The tensors are of the dtypes of DTYPES, in C order. Every one of them begins at a multiple of its itemsize.
    """
    longest_first = sorted(tensors.items(), key=lambda item: -item[1].itemsize)
    header: dict[str, Any] = {_METADATA: {key: text.decode()}}
    reached = 0
    for name, array in longest_first:
        end = reached + array.nbytes
        header[name] = {"dtype": NAMES[array.dtype], "shape": array.shape, "data_offsets": (reached, end)}
        reached = end
    written = orjson.dumps(header)
    written += b" " * (-len(written) % _LENGTH)
    head = len(written).to_bytes(_LENGTH, "little") + written
    return [head, *(array.data.cast("B") for _, array in longest_first)]
