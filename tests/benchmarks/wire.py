"""Tensors on the wire: in binary against an echo of the same bytes, in JSON against a bare parser, and by size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import log

import httpx
import numpy as np
import orjson
import simdjson
from numpy.typing import NDArray
from pairs import Goal, Row, paired, timed
from servers import ECHO, OURS, serving

from chainrule.operations.calls import Calls
from chainrule.schemas.binary import REPLY, REQUEST, write_tree
from chainrule.schemas.encoding import encode_long
from chainrule.schemas.safetensors import MEDIA_TYPE, read

BINARY = {"Content-Type": MEDIA_TYPE, "Accept": MEDIA_TYPE}
SIZES = (10**3, 10**4, 10**5, 10**6, 10**7)
LINEAR = 1.1
"""The largest exponent of growth that is still called linear: a sort's n log n has 1.1 over these sizes."""


def measure(quick: bool) -> Iterator[Row]:
    """The round trip over HTTP, then what is between the bytes in and the bytes out."""
    yield from round_trip(quick)
    yield from json_body(quick)
    yield from growth(quick)


def round_trip(quick: bool) -> Iterator[Row]:
    """A float32 matrix there and back in binary, the caller's array to the caller's array."""
    size = 10 if quick else 1000
    matrix = numbers(size * size).astype(np.float32).reshape(size, size)
    turns = 3 if quick else 25
    with serving(OURS) as base, serving(ECHO) as echo, httpx.Client(timeout=60) as client:
        body = packed(matrix, "torch")

        def echoed() -> NDArray[np.float32]:
            return read(client.post(f"{echo}/echo", content=body, headers=BINARY).content, REQUEST).tensors["inputs"]

        for backend in ("torch", "numpy"):

            def ours(body: bytes = packed(matrix, backend)) -> NDArray[np.float32]:
                reply = client.post(f"{base}/v1/forward", content=body, headers=BINARY)
                return read(reply.raise_for_status().content, REPLY).tensors["outputs"]

            np.testing.assert_array_equal(ours(), np.maximum(echoed(), 0), strict=True)
            yield paired(
                f"float32 in binary there and back ({size}×{size})",
                (f"{backend} backend", timed(ours, 1)),
                ("echo of the same bytes", timed(echoed, 1)),
                Goal("of its time", 2),
                turns,
            )


def json_body(quick: bool) -> Iterator[Row]:
    """A body with a million floats: ready to run, against simdjson straight to a buffer, which checks no shape."""
    size = 10 if quick else 1000
    body = spelled(numbers(size * size).reshape(size, size))
    calls = Calls()

    def ours() -> NDArray[np.float64]:
        return calls.parse("forward", body).arrays[0]  # type: ignore[union-attr,no-any-return]

    np.testing.assert_array_equal(ours(), floor(body).reshape(size, size), strict=True)
    yield paired(
        f"JSON to arrays (body of {len(body) / 1e6:.1f} MB)",
        ("request ready to run", timed(ours, 1)),
        ("simdjson to a buffer", timed(lambda: floor(body), 1)),
        Goal("of its time", 1.2),
        turns=3 if quick else 25,
    )


def growth(quick: bool) -> Iterator[Row]:
    """The exponent of time in the count of numbers, from the bytes of a request to those of its reply."""
    sizes = SIZES[:3] if quick else SIZES
    for form, work in (("JSON", in_json), ("binary", in_binary)):
        exponents = [exponent(sizes, work) for _ in range(2 if quick else 3)]
        yield Row(
            f"growth in {form} (1,000 to {sizes[-1]:,} numbers)",
            "exponent",
            "linear",
            Goal("of its time", LINEAR),
            tuple((each, 1.0) for each in exponents),
            unit="as power of n",
        )


def exponent(sizes: tuple[int, ...], work: Callable[[int], Callable[[], object]]) -> float:
    """The slope of log time over log size, by least squares; of each size the best of some."""
    times = [min(timed(work(size), 1)() for _ in range(3)) for size in sizes]
    return float(np.polyfit([log(size) for size in sizes], [log(time) for time in times], 1)[0])


_CALLS = Calls()


def in_json(size: int) -> Callable[[], object]:
    body = spelled(numbers(size).reshape(10, -1))
    return lambda: encode_long(_CALLS.parse("forward", body).run())


def in_binary(size: int) -> Callable[[], object]:
    body = bytearray(packed(numbers(size).astype(np.float32).reshape(10, -1), "numpy"))
    return lambda: write_tree(_CALLS.parse_file("forward", body).run(), REPLY)


def numbers(count: int) -> NDArray[np.float64]:
    return np.random.default_rng(0).normal(size=count)


def packed(inputs: NDArray[np.float32], backend: str) -> bytes:
    request = {"network": {"layers": [{"op": "relu"}]}, "inputs": inputs, "backend": backend, "dtype": "float32"}
    return b"".join(write_tree(request, REQUEST))


def spelled(inputs: NDArray[np.float64]) -> bytes:
    request = {"network": {"layers": [{"op": "relu"}]}, "inputs": inputs, "backend": "numpy"}
    return orjson.dumps(request, option=orjson.OPT_SERIALIZE_NUMPY)


def floor(body: bytes) -> NDArray[np.float64]:
    document = simdjson.Parser().parse(body)
    return np.frombuffer(document["inputs"].as_buffer(of_type="d"), np.float64)
