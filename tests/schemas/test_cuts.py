"""Cutting a body like an earlier one, against `split`: the same cut, or none."""

import json

import orjson
from hypothesis import given
from hypothesis import strategies as st

from chainrule.schemas.cuts import Cut
from chainrule.schemas.decoding import TensorError, decode
from chainrule.schemas.envelope import Envelope, split

numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
tensors = st.lists(numbers, min_size=1, max_size=4) | st.lists(st.lists(numbers, min_size=1, max_size=3), min_size=1)
texts = st.text(alphabet=st.sampled_from('ab_0[]{}",: é'), max_size=6)
words = st.none() | st.booleans() | st.integers(0, 3) | texts
trees = st.recursive(
    words | st.just("TENSOR"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def filled(tree, draw):
    """The tree with a tensor drawn for each place that wants one."""
    match tree:
        case "TENSOR":
            return draw(tensors)
        case dict():
            return {key: filled(item, draw) for key, item in tree.items()}
        case list():
            return [filled(item, draw) for item in tree]
    return tree


def is_tensor(span):
    try:
        decode(span)
    except TensorError:
        return False
    return True


@given(st.dictionaries(texts, trees, max_size=4), st.data())
def test_what_is_cut_like_an_earlier_body_is_cut_as_split_cuts_it(tree, data):
    earlier, later = (orjson.dumps(filled(tree, data.draw)) for _ in range(2))
    cut = Cut.of(split(earlier))
    if cut is not None:
        assert cut.apply(earlier) == split(earlier)
        assert cut.apply(later) in (split(later), None)


def test_a_request_is_cut_like_one_with_other_numbers():
    earlier, later = (
        json.dumps({"network": {"layers": [{"op": "linear", "weight": w}, {"op": "tanh"}]}, "inputs": x}).encode()
        for w, x in (([[1.5]], [[2]]), ([[1, 2], [3, 4]], [[0.25, -1e3]]))
    )
    assert Cut.of(split(earlier)).apply(later) == split(later)


@given(st.binary(max_size=12), st.integers(0, 60), st.integers(0, 6))
def test_a_body_changed_anywhere_is_cut_alike_only_if_what_is_lifted_out_and_what_stays_are_sound(junk, at, dropped):
    earlier = b'{"a": [1, 2], "b": {"c": [[3], [4]], "d": "e"}, "f": [5]}'
    later = earlier[:at] + junk + earlier[at + dropped :]
    found = Cut.of(split(earlier)).apply(later)
    if found is not None and all(map(is_tensor, found.spans)):
        assert found == split(later)
        orjson.loads(later)


def test_spans_that_together_look_like_as_many_arrays_are_no_tensors():
    cut = Cut.of(split(b'{"a": [1], "b": [2], "c": [3]}'))
    found = cut.apply(b'{"a": [1], [2], "b": [[3], "c": [4]]}')
    assert found is not None
    assert [is_tensor(span) for span in found.spans] == [False, False, False]


def test_text_that_is_not_the_same_is_not_cut():
    cut = Cut.of(split(b'{"a": [1], "b": "x"}'))
    for body in (b'{"a": [1], "b": "y"}', b'{"a": [1], "b": "x"} ', b'{"a": "x"}', b"", b"{"):
        assert cut.apply(body) is None


def test_a_skeleton_whose_strings_look_like_placeholders_is_not_used():
    assert Cut.of(split(b'{"a": [1], "b": "[0]"}')) is None


def test_a_body_without_tensors_or_with_nothing_to_tell_them_apart_is_not_used():
    assert Cut.of(split(b'{"a": 1}')) is None
    assert Cut.of(Envelope(b"[[0],{},[1]]", (b"[1]", b"[2]"))) is None
