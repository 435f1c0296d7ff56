"""Texts of many tensors decoded as one array: what each says by itself, or nothing."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from chainrule.schemas.decoding import TensorError, decode, decode_stack

finite = st.floats(allow_nan=False, allow_infinity=False)
shapes = array_shapes(max_dims=3, max_side=3)
stacks = st.tuples(st.integers(1, 5), shapes).flatmap(
    lambda drawn: arrays(np.float64, (drawn[0], *drawn[1]), elements=finite) | arrays(np.int64, (drawn[0], *drawn[1]))
)


@given(stacks)
def test_each_row_is_what_its_text_says(stack):
    texts = [json.dumps(row.tolist()).encode() for row in stack]
    np.testing.assert_array_equal(decode_stack(texts), stack, strict=True)


def test_integers_and_floats_together_are_floats():
    np.testing.assert_array_equal(
        decode_stack([b"[1, 2]", b"[1.5, 2]"]), np.array([[1.0, 2.0], [1.5, 2.0]]), strict=True
    )


@pytest.mark.parametrize(
    "texts",
    [
        (b"[1],[2]", b"[3]"),
        (b"[1]", b"[2],[3]"),
        (b"[1],[2]", b"[3],[4]"),
        (b"[[1]", b"[2]]", b"[[3],[4]],[[5],[6]]"),
        (b"[[1]", b"[2]]"),
        (b"[1],null,[2]", b"[3]"),
        (b"[1],null,[2],null,[3", b"4]"),
        (b"[1, 2", b"3]"),
        (b"[1]", b""),
        (b"", b"[1]"),
        (b"[1]", b"1"),
        (b"1", b"1"),
        (b"[1]", b"[1, 2]"),
        (b"[1]", b"[[1]]"),
        (b"[1.0]", b"[true]"),
        (b"[1]", b"[null]"),
        (b"[1]", b'["1"]'),
        (b"[1]", b"{}"),
        (b"[1]", b"[]"),
        (b"[1]", b"[1e999]"),
        (b"[1]", b"[NaN]"),
        (b"[1]", b"[01]"),
    ],
)
def test_one_that_is_no_such_tensor_spoils_all(texts):
    with pytest.raises(TensorError):
        decode_stack(texts)


@settings(max_examples=400)
@given(st.lists(st.text(alphabet="[[]],,12 .n", min_size=1, max_size=8).map(str.encode), min_size=1, max_size=4))
def test_no_text_is_read_with_the_help_of_its_neighbours(texts):
    try:
        stack = decode_stack(texts)
    except TensorError:
        return
    for row, text in zip(stack, texts, strict=True):
        np.testing.assert_array_equal(row, decode(text))
