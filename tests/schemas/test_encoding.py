"""Encoding replies, read back with the standard library."""

import json
from math import inf, isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from chainrule.schemas.encoding import PIECE, encode, encode_long, nonfinite, to_array

shapes = array_shapes(min_dims=0, max_dims=4, max_side=4)
any_floats = shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=st.floats()))
LARGE = np.random.default_rng(3).normal(size=(200, 50))


def refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def sent(reply: dict) -> dict:
    return json.loads(encode(reply), parse_constant=refuse_constant)


@given(any_floats)
def test_every_float_comes_back_bit_for_bit(array):
    back = to_array(sent({"value": array})["value"])
    assert back.shape == array.shape
    np.testing.assert_array_equal(back, array)
    np.testing.assert_array_equal(np.signbit(back), np.signbit(array) & ~np.isnan(array))


@given(shapes.flatmap(lambda shape: arrays(np.float32, shape, elements=st.floats(width=32))))
def test_every_float32_comes_back(array):
    np.testing.assert_array_equal(to_array(sent({"value": array})["value"]).astype(np.float32), array)


@pytest.mark.parametrize("dtype", ["f8", ">f8", "f4", ">f4", "f2", "i8", ">i4", "u1", "?"])
@pytest.mark.parametrize("order", ["C", "F", "reversed", "no axes"])
def test_arrays_of_every_type_and_order_are_written_as_their_lists_are(dtype, order):
    array = np.array([[0, 1, 1], [1, 0, 1]], dtype)
    array = {"C": array, "F": np.asfortranarray(array), "reversed": array[::-1, ::-2], "no axes": array[0, 1, ...]}[
        order
    ]
    assert sent({"value": array, "n": [array]}) == {"value": array.tolist(), "n": [array.tolist()]}


def test_the_rest_of_a_reply_passes_unchanged():
    reply = {"meta": {"version": "null", "n": 3}, "warnings": [], "loss": 0.1, "none": None, "on": True, "t": ("é",)}
    assert sent({**reply, "outputs": LARGE}) == {**reply, "t": ["é"], "outputs": LARGE.tolist()}


@pytest.mark.parametrize("rest", [{}, {"large": LARGE}, {"swapped": np.arange(3.0).astype(">f8")}], ids=lambda r: [*r])
def test_what_is_not_finite_is_written_in_words_and_named(rest):
    reply = {
        "loss": nan,
        "gradients": {"W1": np.array([[1.5, inf], [-inf, nan]]), "b1": np.zeros(2), "none": None},
        "steps": [{"local": np.float32(-inf)}, {"local": np.array(inf, np.float32)}, {"local": -inf}],
        "warnings": [],
        **rest,
    }
    named: list[str] = []
    text = encode(reply, on_nonfinite=lambda paths: (named.extend(paths), reply["warnings"].append("not finite")))
    back = json.loads(text, parse_constant=refuse_constant)
    assert named == ["loss", "gradients.W1", "steps[0].local", "steps[1].local", "steps[2].local"] == nonfinite(reply)
    assert back["loss"] == "NaN"
    assert back["gradients"] == {"W1": [[1.5, "Infinity"], ["-Infinity", "NaN"]], "b1": [0.0, 0.0], "none": None}
    assert [step["local"] for step in back["steps"]] == ["-Infinity", "Infinity", "-Infinity"]
    assert back["warnings"] == ["not finite"]
    assert {name: back[name] for name in rest} == {name: array.tolist() for name, array in rest.items()}


def test_the_largest_finite_numbers_are_not_taken_for_infinite():
    reply = {"x": np.full(3, np.finfo(np.float64).max), "y": 1.7e308, "none": None}
    assert nonfinite(reply) == []
    encode(reply, on_nonfinite=refuse_constant)


@pytest.mark.parametrize("value", [object(), {1}, np.array([1j]), np.array([None]), 1 + 2j])
def test_a_reply_that_is_no_tree_of_numbers_is_a_type_error(value):
    with pytest.raises(TypeError):
        encode({"value": value})


def test_to_array_reads_words_numbers_and_lists():
    assert to_array(2).tolist() == 2.0
    assert to_array([[1, 2.5]]).dtype == np.float64
    assert isnan(to_array("NaN"))
    assert to_array([["-Infinity", 1], [2, "Infinity"]]).tolist() == [[-inf, 1.0], [2.0, inf]]


@pytest.mark.parametrize("value", [None, [None], [1, None, "NaN"], {}, [[1], [2, 3]], ["two"], [True]])
def test_to_array_refuses_the_rest(value):
    with pytest.raises(ValueError):  # noqa: PT011
        to_array(value)


LONG_NUMBERS = np.random.default_rng(2).normal(size=PIECE + 5)


@pytest.mark.parametrize(
    "long",
    [
        LONG_NUMBERS,
        LONG_NUMBERS.astype("f4")[None, :, None],
        LONG_NUMBERS[: 3 * 10_000].reshape(-1, 3)[:, ::2].repeat(4, 0)[:, ::-1],
        np.arange(3 * PIECE).reshape(3, -1).T,
        LONG_NUMBERS.astype(">f8"),
        np.where(np.arange(PIECE + 5) % 1000, LONG_NUMBERS, np.inf),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_a_long_reply_is_the_same_text_in_pieces(long):
    reply = {
        "a": {"b": [long, {"c": long[:2]}]},
        "text": "\\0 \0",
        "number": np.float64(2.5),
        "bad": float("nan"),
        "d": long,
    }
    heard = []
    pieces = encode_long(reply, heard.append)
    assert len(pieces) > 5
    assert b"".join(pieces) == encode(reply)
    assert heard == [nonfinite(reply)]


def test_a_reply_without_long_arrays_is_one_text():
    reply = {"a": [[np.ones(3)]] * 10, "b": float("inf")}
    assert encode_long(reply) == encode(reply)
