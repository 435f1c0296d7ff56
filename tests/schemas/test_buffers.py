"""Parsing into a buffer gives what lists give, and where it gives nothing the text is looked into without it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from chainrule.schemas import buffers, decoding
from chainrule.schemas.decoding import TensorError, decode

FINITE = st.floats(allow_nan=False, allow_infinity=False)
SHAPES = hnp.array_shapes(max_dims=5, max_side=6)
NUMBERS = FINITE | st.integers(-(2**66), 2**66)


def both(text: bytes, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What `decode` makes of a text with the buffers and without, or the words in which it refuses it."""
    found: list[Any] = []
    for patch in ((decoding, "_LARGE", 0), (buffers, "library", lambda: None)):
        with monkeypatch.context() as patched:
            patched.setattr(*patch)
            try:
                found.append(decode(text))
            except TensorError as error:
                found.append(str(error))
    return found


def assert_alike(text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = both(text, monkeypatch)
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
    else:
        np.testing.assert_array_equal(one, other, strict=True)
        assert np.signbit(one).tolist() == np.signbit(other).tolist()


@pytest.fixture(scope="module")
def patch() -> Any:
    with pytest.MonkeyPatch.context() as patched:
        yield patched


@given(hnp.arrays(np.float64, SHAPES, elements=FINITE) | hnp.arrays(np.int64, SHAPES))
@settings(max_examples=200)
def test_an_array_comes_back_bit_by_bit(array: np.ndarray) -> None:
    integers = array.dtype.kind == "i"
    found = buffers.parse(json.dumps(array.tolist()).encode(), integers=integers)
    if array.size >= buffers.FEWEST * array.size // array.shape[-1] or array.ndim == 1:
        assert found is not None
        np.testing.assert_array_equal(found, array, strict=True)


@given(st.recursive(NUMBERS, lambda inner: st.lists(inner, max_size=4), max_leaves=12))
@settings(max_examples=400)
def test_nested_numbers_are_taken_or_refused_alike(patch: Any, tree: Any) -> None:
    assert_alike(json.dumps(tree).encode(), patch)


@given(
    st.lists(
        st.sampled_from([b"[", b"]", b",", b"1", b"-0", b".5", b"e3", b" ", b"true", b'"1"', b"{}", b"\xef\xbb\xbf"])
    )
)
@settings(max_examples=400)
def test_any_text_is_taken_or_refused_alike(patch: Any, pieces: list[bytes]) -> None:
    assert_alike(b"[" + b"".join(pieces) + b"]", patch)


ODD = [
    b"[[1, 2], [3]]",
    b"[[1, 2], 3]",
    b"[1, [2, 3]]",
    b"[[1, 2], [[3], 4]]",
    b"[[[1], [2]], [[3], 4]]",
    b"[[1, [2]], [3, 4]]",
    b"[]",
    b"[[], []]",
    b"[1, true]",
    b"[1, null]",
    b'[1, "2"]',
    b"[1, {}]",
    b"[1e400, 1]",
    b"[1e-400, -0.0, -0]",
    b"[18446744073709551615, 1]",
    b"[18446744073709551616, 1]",
    b"[9223372036854775808, 0.5]",
    b"[123456789012345678901234567890, 0.5]",
    b"[9007199254740993, 0.5]",
    b"[1, 2] 3",
    b"[1, 2",
    b"[01, 2]",
    b"[1., 2]",
    b"[NaN, 1]",
    b"\xef\xbb\xbf[1, 2]",
    b"\x0c[1, 2]",
    b"[" * 9 + b"1, 2" + b"]" * 9,
    b"[" * 2000 + b"]" * 2000,
    b"1",
    b"",
]


@pytest.mark.parametrize("text", ODD)
def test_what_is_odd_is_taken_or_refused_alike(patch: Any, text: bytes) -> None:
    assert_alike(text, patch)


def test_it_is_in_use() -> None:
    assert buffers.parse(b"[[1, 2.5, 3], [4, 5, 6]]", integers=False) is not None
