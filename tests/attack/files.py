"""Files of tensors whose headers lie, by name."""

from __future__ import annotations

import json
import struct
from typing import Any

from chainrule.schemas.envelope import MAX_RANK
from chainrule.schemas.safetensors import MAX_HEADER


def file(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    """A file with a header that is JSON of `header`, or that text itself, said to have `length` bytes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype: str = "F32", shape: Any = (2,), offsets: Any = (0, 8)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def of(data: int = 8, **tensors: Any) -> bytes:
    """A file with these tensors, and so many bytes of data."""
    return file({"__metadata__": {"request": "{}"}, **tensors}, bytes(data))


MALFORMED: dict[str, bytes] = {
    "nothing": b"",
    "seven bytes": b"\x00" * 7,
    "a length alone": struct.pack("<Q", 10),
    "a header of no bytes": file(b""),
    "a length beyond the body": file({"__metadata__": {"request": "{}"}}, length=10_000),
    "a length of 2^64 - 1": file({}, length=2**64 - 1),
    "a length of 2^63": file({}, length=2**63),
    "a length over what is taken": file(b" " * (MAX_HEADER + 1)),
    "a length too short": file({"__metadata__": {"request": "{}"}}, length=10),
    "no JSON": file(b"request"),
    "no UTF-8": file(b'{"\xff": 1}'),
    "a lone surrogate": file(b'{"__metadata__": {"request": "\\ud800"}}'),
    "an array": file([]),
    "a number": file(b"1"),
    "NaN in a shape": file(b'{"__metadata__": {"request": "{}"}, "a": {"dtype": "F32", "shape": [NaN]}}'),
    "deep JSON": file(b"[" * 100_000 + b"]" * 100_000),
    "deep JSON, dropped by a repeat": file(b'{"a": ' + b"[" * 900 + b"]" * 900 + b', "a": 1}'),
    "no metadata": file({}),
    "no request": file({"__metadata__": {}}),
    "another key": file({"__metadata__": {"response": "{}"}}),
    "metadata that is no object": file({"__metadata__": []}),
    "a request that is no string": file({"__metadata__": {"request": {}}}),
    "other metadata that is no string": file({"__metadata__": {"request": "{}", "n": 1}}),
    "two tensors of a name": file(
        b'{"__metadata__": {"request": "{}"}, "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},'
        b' "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}',
        bytes(8),
    ),
    "two shapes of a tensor": file(
        b'{"__metadata__": {"request": "{}"}, "a": {"dtype": "F32", "shape": [3], "shape": [2], '
        b'"data_offsets": [0, 8]}}',
        bytes(8),
    ),
    "two metadata": file(b'{"__metadata__": {"request": "{}"}, "__metadata__": {"request": "{}"}}'),
    "data of no tensor": of(8),
    "data after the tensor": of(9, a=entry()),
    "data cut off": of(7, a=entry()),
    "offsets beyond the data": of(8, a=entry(offsets=[8, 16])),
    "offsets that overlap": of(12, a=entry(offsets=[0, 8]), b=entry(offsets=[4, 12])),
    "two tensors in one place": of(8, a=entry(), b=entry()),
    "a gap": of(20, a=entry(offsets=[0, 8]), b=entry(offsets=[12, 20])),
    "a gap before the first": of(12, a=entry(offsets=[4, 12])),
    "offsets the wrong way": of(8, a=entry(offsets=[8, 0])),
    "negative offsets": of(8, a=entry(offsets=[-8, 0])),
    "offsets of 2^63": of(8, a=entry(offsets=[2**63, 2**63 + 8])),
    "offsets of 2^64": of(8, a=entry(offsets=[0, 2**64])),
    "three offsets": of(8, a=entry(offsets=[0, 8, 8])),
    "real offsets": of(8, a=entry(offsets=[0.0, 8.0])),
    "offsets that are true": of(1, a=entry(offsets=[False, True])),
    "another dtype's size": of(8, a=entry("F64")),
    "a dtype that is not taken": of(4, a=entry("F16", offsets=[0, 4])),
    "a dtype there is not": of(8, a=entry("F33")),
    "a dtype that is no string": of(8, a=entry(["F32"])),  # type: ignore[arg-type]
    "a shape that overflows to what fits": of(8, a=entry(shape=[2**62, 4, 2])),
    "a shape of 2^63": of(8, a=entry(shape=[2**63])),
    "a shape of many digits": of(8, a=entry(shape=[10**300, 10**300])),
    "a negative shape": of(8, a=entry(shape=[-1, -2])),
    "a real shape": of(8, a=entry(shape=[2.0])),
    "a shape of text": of(8, a=entry(shape="22")),
    "a shape of null": of(8, a=entry(shape=None)),
    "an empty tensor": of(0, a=entry(shape=[0], offsets=[0, 0])),
    "too many axes": of(8, a=entry(shape=[2] + [1] * MAX_RANK)),
    "a million axes": of(8, a=entry(shape=[1] * 1_000_000)),
    "a field missing": of(8, a={"dtype": "F32", "shape": [2]}),
    "a field too many": of(8, a={**entry(), "extra": 1}),
    "a tensor that is null": of(8, a=None),
    "100 000 tensors": of(8, **{f"t{i}": entry() for i in range(100_000)}),
    "60 000 empty ones": of(0, **{f"t{i}": entry(shape=[0], offsets=[0, 0]) for i in range(60_000)}),
}
"""No files, for one reason each."""


def asking(request: Any, data: int = 8, **tensors: Any) -> bytes:
    """A file that is one, with a request of JSON, or of that text."""
    text = request if isinstance(request, str) else json.dumps(request)
    return file({"__metadata__": {"request": text}, **tensors}, bytes(data))


def through_identity(inputs: Any, **beside: Any) -> dict[str, Any]:
    return {"network": {"layers": [{"op": "identity"}]}, "inputs": inputs, **beside}


A = {"$tensor": "a"}
INFINITE = struct.pack("<ff", 1.0, float("inf"))

UNFIT: dict[str, bytes] = {
    "a request that is no JSON": asking("{"),
    "a request that is an array": asking([]),
    "a request of nothing": asking(""),
    "a request nested deep": asking('{"network": ' + '{"a":' * 10_000 + "1" + "}" * 10_001),
    "a request over a megabyte outside its tensors": asking({"network": "x" * (1 << 20)}),
    "a tensor that is nowhere": asking(through_identity({"$tensor": "b"}), a=entry()),
    "a tensor that nothing refers to": asking(through_identity([1.0]), a=entry()),
    "a tensor that a repeated key dropped": asking('{"inputs": {"$tensor": "a"}, "inputs": [1]}', a=entry()),
    "a list that a repeated key dropped": asking('{"inputs": [1], "inputs": {"$tensor": "a"}}', a=entry()),
    "a tensor in two places": asking(through_identity({"x": A, "z": A}), a=entry()),
    "a tensor in a hundred thousand places": asking(
        {"answers": {"values": {f"n{i}": A for i in range(60_000)}}, **through_identity([1.0])}, a=entry()
    ),
    "a reference to a number": asking(through_identity({"$tensor": 1}), a=entry()),
    "a reference with more beside it": asking(through_identity({**A, "b": 1}), a=entry()),
    "a reference in a list of numbers": asking(through_identity([[1, A]]), a=entry()),
    "a reference for an operation": asking({"network": {"layers": [{"op": A}]}, "inputs": [1]}, a=entry()),
    "a reference for a list of the structure": asking(
        {"network": {"parameters": {"W": {"shape": A}}, "layers": [{"op": "identity"}]}, "inputs": [1]}, a=entry()
    ),
    "a reference for the request": asking(A, a=entry()),
    "an infinity": file(
        {"__metadata__": {"request": json.dumps(through_identity(A))}, "a": entry()},
        INFINITE,
    ),
    "a layer that takes 10^12 numbers": asking(
        {"network": {"layers": [{"op": "broadcast", "shape": [1_000_000, 1_000_000, 2]}]}, "inputs": A},
        a=entry(shape=[1, 2]),
    ),
}
"""Files, with requests that cannot be answered."""
