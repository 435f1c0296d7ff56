"""Strict decoding, against the standard library's parser with np.asarray."""

import json
import tracemalloc
from unittest.mock import patch

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from chainrule.schemas import decoding
from chainrule.schemas.decoding import TensorError, decode, from_array, from_lists, from_number
from stopwatch import Stopwatch

finite = st.floats(allow_nan=False, allow_infinity=False)
shapes = array_shapes(max_dims=4, max_side=4)
floats = shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=finite))
integers = shapes.flatmap(lambda shape: arrays(np.int64, shape))


def both_ways(text: bytes) -> np.ndarray:
    """Decodes as a short text, as a long one and in pieces, which has to make no difference."""
    array = decode(text)
    for limit in ("_LARGE", "_PIECE"):
        with patch.object(decoding, limit, 0):
            again = decode(text)
        np.testing.assert_array_equal(again, array, strict=True)
    return array


@given(floats | integers, st.sampled_from([None, 1]))
def test_decodes_what_the_standard_library_and_numpy_read(array, indent):
    text = json.dumps(array.tolist(), indent=indent)
    decoded = both_ways(text.encode())
    np.testing.assert_array_equal(decoded, np.asarray(json.loads(text)), strict=True)
    np.testing.assert_array_equal(decoded, array, strict=True)
    assert decoded.flags.c_contiguous


@pytest.mark.parametrize("shape", [(1000, 20), (4000, 3), (20_000,), (3, 50, 40)])
def test_a_long_text_is_decoded_to_the_last_bit(shape):
    array = np.random.default_rng(5).normal(size=shape) * 10.0 ** np.random.default_rng(6).integers(-300, 300, shape)
    np.testing.assert_array_equal(decode(orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY)), array, strict=True)


@pytest.mark.parametrize(
    ("text", "dtype", "values"),
    [
        (b"[2]", np.int64, [2]),
        (b"[2.0]", np.float64, [2.0]),
        (b"[2, 2.5]", np.float64, [2.0, 2.5]),
        (b"[2e0]", np.float64, [2.0]),
        (b"[2E0]", np.float64, [2.0]),
        (b"[-0.0]", np.float64, [-0.0]),
        (b"[9223372036854775807]", np.int64, [2**63 - 1]),
        (b"[-9223372036854775808]", np.int64, [-(2**63)]),
        (b"[9223372036854775808]", np.float64, [2.0**63]),
        (b"[-1, 9223372036854775808]", np.float64, [-1.0, 2.0**63]),
        (b"[123456789012345678901234567890]", np.float64, [123456789012345678901234567890.0]),
        (b"[5e-324]", np.float64, [5e-324]),
        (b"[1e-999]", np.float64, [0.0]),
        (b" [ 1 ,\n2 ] ", np.int64, [1, 2]),
    ],
)
def test_integers_stay_integers_while_they_fit(text, dtype, values):
    np.testing.assert_array_equal(both_ways(text), np.array(values, dtype), strict=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"[null]", "null"),
        (b"[1, null]", "null"),
        (b"[true]", "true"),
        (b"[1, true]", "true"),
        (b"[1.5, false]", "false"),
        (b"[[1, 2], [3, false]]", "false"),
        (b'["2"]', "text"),
        (b'[1.0, "2"]', "text"),
        (b'[[1], "2"]', "text"),
        (b"[{}]", "object"),
        (b"[]", "axis 0 has no entries"),
        (b"[[]]", "axis 1 has no entries"),
        (b"[[], []]", "axis 1 has no entries"),
        (b"[[[1]], [[]]]", "ragged"),
        (b"[[1, 2], [3]]", "row 1 has 1 entries, row 0 has 2"),
        (b"[[1,2],[1,2],[1,2],[1,2,3]]", "row 3 has 3 entries, row 0 has 2"),
        (b"[[[1],[2]],[[3],[4,5]]]", "row 1, 1 has 2 entries, row 0, 0 has 1"),
        (b"[[1], 2]", "numbers and arrays side by side"),
        (b"[1, [2]]", "numbers and arrays side by side"),
        (b"[1.5, [2]]", "numbers and arrays side by side"),
        (b"[[1.5], [[2]]]", "numbers and arrays side by side"),
        (b"[1,,2]", "at byte 3"),
        (b"[1 2]", "at byte 3"),
        (b"[1", "end of data"),
        (b"[1],[2]", "at byte 3"),
        (b"[NaN]", "NaN and Infinity are not JSON"),
        (b"[1, Infinity]", "NaN and Infinity are not JSON"),
        (b"[-Infinity]", "NaN and Infinity are not JSON"),
        (b"[1e999]", "infinity"),
        (b"[" + b"9" * 400 + b"]", "infinity"),
        (b"[01]", "leading zero"),
        (b"[+1]", "at byte 1"),
        (b"[.5]", "at byte 1"),
        (b"[0x10]", "at byte 2"),
        (b"[" * 9 + b"1" + b"]" * 9, "more than 8 axes"),
        (b"[" * 100 + b"1" + b"]" * 100, "more than 8 axes"),
        (b"[" * 2000 + b"1" + b"]" * 2000, "depth"),
        (b"3", "single number"),
    ],
)
def test_what_is_no_tensor_is_refused_with_what_was_found(text, message):
    with pytest.raises(TensorError, match=message):
        decode(text)
    with patch.object(decoding, "_LARGE", 0), pytest.raises(TensorError, match=message):
        decode(text)
    with patch.object(decoding, "_PIECE", 0), pytest.raises(TensorError):
        decode(text)


def test_a_fault_far_into_a_text_is_counted_from_its_start():
    rows = b"[1.5,2.5]," * 200_000
    with pytest.raises(TensorError, match="row 200000 has 1 entries, row 0 has 2"):
        decode(b"[" + rows + b"[3],[1.5,2.5]]")
    with pytest.raises(TensorError, match=rf"at byte {len(rows) + 2} of the array"):
        decode(b"[" + rows + b"[x,1]]")


def test_pieces_that_differ_in_shape_are_ragged():
    with (
        patch.object(decoding, "_PIECE", 0),
        pytest.raises(TensorError, match=r"row 1 has shape \[1\], row 0 has \[2\]"),
    ):
        decode(b"[[1.5,2.5],[3]]")


@pytest.mark.parametrize(
    "text",
    [
        b"[" + b"null," * 400_000 + b"null]",
        b"[" + b"[1]," * 500_000 + b"[1,2]]",
        b"[" + b"1," * 1_000_000 + b"[1]]",
        b"[" + b"[]," * 700_000 + b"[]]",
        b"[" + b"[[[[[1]]]]]," * 150_000 + b"1]",
        b"[" + b"1e999," * 300_000 + b"1]",
        b"[" * 1_000_000 + b"]" * 1_000_000,
        b"[" + b"9" * 2_000_000 + b"]",
    ],
    ids=lambda text: text[:12].decode(),
)
def test_a_hostile_span_costs_bounded_time_and_a_short_message(text):
    with Stopwatch() as watch, pytest.raises(TensorError) as refusal:
        decode(text)
    assert watch.seconds < 5
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize(
    "text",
    [
        b"[%b]" % b",".join([b"[" * 60 + b"1" + b"]" * 60] * 80_000),
        b"[[[[[[[[1]]]]]]],%b]" % b",".join([b"[[[[[[1]]]]]]"] * 700_000),
        b"[[[],%b]]" % b",".join([b"[]"] * 3_000_000),
    ],
    ids=["deep", "ragged", "empty"],
)
def test_long_text_of_nothing_but_brackets_does_not_become_lists(text):
    tracemalloc.start()
    try:
        with pytest.raises(TensorError):
            decode(text)
        assert tracemalloc.get_traced_memory()[1] < 4 * len(text)
    finally:
        tracemalloc.stop()


@given(floats | integers)
def test_nested_lists_are_decoded_as_their_text_is(array):
    np.testing.assert_array_equal(from_lists(array.tolist()), array, strict=True)


def test_lists_may_hold_tuples_and_numpy_numbers():
    array = from_lists([(1.5, np.float64(2)), np.array([3.0, 4.0])])
    np.testing.assert_array_equal(array, np.array([[1.5, 2.0], [3.0, 4.0]]), strict=True)


@pytest.mark.parametrize(
    "lists",
    [
        *([None], [1, True], [1.0, np.True_], ["2"], [1, "nan"], [float("nan")], [float("inf"), 1]),
        *([[1], [2, 3]], [], [{}], [...], [1 + 2j], [2**70], [b"1"]),
    ],
    ids=repr,
)
def test_lists_of_anything_but_finite_numbers_are_refused(lists):
    with pytest.raises(TensorError):
        from_lists(lists)


@pytest.mark.parametrize("dtype", ["f2", "f4", ">f8", "i1", "u4", ">i4", "u8", "f8", "i8"])
def test_arrays_of_any_real_type_become_int64_or_float64(dtype):
    given_array = np.arange(6).reshape(2, 3).astype(dtype).T
    array = from_array(given_array)
    assert array.dtype == (np.float64 if "f" in dtype else np.int64)
    assert array.flags.c_contiguous
    assert array.tolist() == [[0, 3], [1, 4], [2, 5]]


def test_an_array_that_is_as_it_should_be_is_not_copied():
    array = np.ones((2, 3))
    assert from_array(array) is array


def test_unsigned_integers_beyond_int64_become_floats():
    np.testing.assert_array_equal(from_array(np.array([2**63], np.uint64)), np.array([2.0**63]), strict=True)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([True]), "bool"),
        (np.array([1j]), "complex128"),
        (np.array(["2"]), "U1"),
        (np.array([None]), "object"),
        (np.zeros((0, 3)), "empty"),
        (np.array([1.0, np.nan]), "not finite"),
        (np.array([-np.inf]), "not finite"),
        (np.ones((1,) * 9), "9 axes"),
    ],
)
def test_arrays_that_are_no_tensors_are_refused(array, message):
    with pytest.raises(TensorError, match=message):
        from_array(array)


def test_a_number_is_a_tensor_without_axes():
    for number, dtype in ((3, np.int64), (3.0, np.float64), (2**63, np.float64), (2**70, np.float64)):
        array = from_number(number)
        assert (array.shape, array.dtype, array.item()) == ((), dtype, number)


@pytest.mark.parametrize(
    "number",
    [float("nan"), float("inf"), -float("inf"), 10**400, -(10**400)],
    ids=["nan", "inf", "-inf", "1e400", "-1e400"],
)
def test_a_number_that_is_not_finite_is_refused(number):
    with pytest.raises(TensorError, match=r"not finite|beyond float64"):
        from_number(number)


@pytest.mark.parametrize("shape", [(3, 40_000), (1, 120_000), (2, 2, 30_000), (2, 40_000, 2)])
def test_rows_longer_than_a_piece_are_decoded_alike(shape, monkeypatch):
    numbers = np.random.default_rng(4).normal(size=shape)
    text = json.dumps(numbers.tolist()).encode()
    monkeypatch.setattr(decoding, "_PIECE", 1 << 14)
    np.testing.assert_array_equal(decode(text), numbers, strict=True)
    spoilt = text[:-20] + b"x" + text[-19:]
    with pytest.raises(TensorError, match=f"at byte {len(text) - 20}|at byte {len(text) - 21}"):
        decode(spoilt)
    if shape[0] > 1:
        with pytest.raises(TensorError, match="ragged"):
            decode(text[: text.rindex(b",")] + b"]" * len(shape))
