"""Whatever stands where an answer should is read: tensors as they are, words as numbers, all else as no tensor."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.schemas.answers import Answer, Answers, MisplacedAnswer, NoTensor, read_answers
from chainrule.schemas.envelope import MAX_SKELETON, MalformedBody, parse_skeleton, split
from chainrule.schemas.parts import detach
from stopwatch import Stopwatch

NAN, INF = float("nan"), float("inf")


def read(body: bytes) -> Answers:
    """As a request's answers are read."""
    envelope = split(body, words=True)
    _, tree = detach(parse_skeleton(envelope), envelope.spans, "answers")
    return read_answers(tree, envelope.spans)


def leaf(text: str) -> Answer:
    body = b'{"inputs": [[1, 2]], "answers": {"gradients": {"W1": %b}}, "targets": [3]}' % text.encode()
    return read(body)["gradients.W1"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[[1, 2], [3, 4]]", [[1, 2], [3, 4]]),
        ("2.5", 2.5),
        ("7", 7),
        ('[["NaN", 1], [2, 3.5]]', [[NAN, 1], [2, 3.5]]),
        ('[1, "Infinity", "-Infinity", "NaN"]', [1, INF, -INF, NAN]),
        ('"NaN"', NAN),
        ('"-Infinity"', -INF),
        (' [ "NaN" , 1 ] ', [NAN, 1]),
    ],
)
def test_tensors_are_read_and_words_in_them_are_numbers(text: str, value: Any) -> None:
    found = leaf(text)
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, np.array(value, np.float64), strict=True)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("null", "missing"),
        ("true", "shape"),
        ('"half"', "shape"),
        ("[]", "shape"),
        ("[[]]", "shape"),
        ("{}", "shape"),
        ('{"a": [1]}', "shape"),
        ("[1, null]", "shape"),
        ("[1, true]", "shape"),
        ("[[1, 2], [3]]", "shape"),
        ("[[1, 2], 3]", "shape"),
        ('[1, "nan"]', "shape"),
        ('[[1, 2], ["a", 3]]', "shape"),
        ('[{"a": 1}]', "shape"),
        ("[" * 9 + "1" + "]" * 9, "shape"),
        ("[" * 50 + '"a"' + "]" * 50, "shape"),
        ("[1e999]", "shape"),
        ("[1" + "0" * 400 + "]", "shape"),
    ],
)
def test_anything_else_is_no_tensor_and_says_what_was_found(text: str, kind: str) -> None:
    found = leaf(text)
    assert isinstance(found, NoTensor)
    assert found.kind == kind
    assert 0 < len(found.message) < 200


finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)
leaves = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | st.text(max_size=5) | st.sampled_from(["NaN", "Infinity"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(min_size=1, max_size=4), leaves, max_size=4))
def test_no_json_at_all_fails_and_a_body_reads_as_python_values_do(gradients: dict[str, Any]) -> None:
    body = json.dumps({"answers": {"gradients": gradients}}).encode()
    over, local = read(body), read_answers({"gradients": gradients})
    assert list(over) == list(local) == [f"gradients.{name}" for name in gradients]
    for found, same in zip(over.values(), local.values(), strict=True):
        if isinstance(found, NoTensor):
            assert isinstance(same, NoTensor)
            assert found.kind == same.kind
        else:
            np.testing.assert_array_equal(found, np.asarray(same), strict=True)


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_python_numbers_that_are_not_finite_are_kept(value: float) -> None:
    for given_as in (value, np.float32(value), [[1.0, value]], np.array([1.0, value]), ([1, 2], [value, 0])):
        found = read_answers({"outputs": given_as})["outputs"]
        np.testing.assert_array_equal(found, np.array(given_as, np.float64))


@pytest.mark.parametrize(
    "value", [object(), np.array(["a"]), np.array([True]), np.zeros((0, 2)), np.zeros((1,) * 9), 10**400, {1}, b"x"]
)
def test_python_values_that_are_no_tensor_fail_nothing(value: object) -> None:
    assert isinstance(read_answers({"loss": value})["loss"], NoTensor)


@pytest.mark.parametrize(
    ("answers", "pointer"),
    [
        ("[1]", ""),
        ("null", ""),
        ('{"gradient": {}}', "/gradient"),
        ('{"values": [1]}', "/values"),
        ('{"jacobians": 0}', "/jacobians"),
        ('{"gradients": {"W~/1": [1,,2]}}', "/gradients/W~0~11"),
    ],
)
def test_a_tree_that_is_none_of_answers_is_pointed_at(answers: str, pointer: str) -> None:
    with pytest.raises(MisplacedAnswer) as error:
        read(b'{"answers": %b}' % answers.encode())
    assert error.value.pointer == pointer


@pytest.mark.parametrize("text", ['[-"NaN"]', '[1"NaN"]', '["NaN"5]', '[0."Infinity"]', '["NaN""NaN"]'])
def test_a_word_is_no_part_of_a_number(text: str) -> None:
    with pytest.raises(MisplacedAnswer):
        leaf(text)


def test_a_group_that_is_null_has_no_answers() -> None:
    assert read(b'{"answers": {"values": null, "gradients": null, "jacobians": null}}') == {}


def test_a_skeleton_does_not_depend_on_the_answers_nor_on_where_they_stand() -> None:
    problem = b'"inputs": [[1, 2]], "targets": [[3]], "loss": "mse"'
    bodies = [
        b'{%b, "answers": {"loss": 3}}' % problem,
        b'{%b, "answers": {"loss": null, "outputs": [["NaN", 1]], "values": {"s1": ["a", [1]]}}}' % problem,
        b'{"answers": {"outputs": [1], "gradients": {"W": [[1, 2]], "b": []}}, %b}' % problem,
        b'{"answers": {"outputs": 1}, %b}' % problem,
    ]
    envelopes = []
    for body in bodies:
        envelope = split(body, words=True)
        envelopes.append(detach(parse_skeleton(envelope), envelope.spans, "answers")[0])
    assert {envelope.skeleton for envelope in envelopes} == {
        b'{"inputs":[0],"targets":[1],"loss":"mse","answers":null}'
    }
    assert {tuple(span.strip() for span in envelope.spans) for envelope in envelopes} == {(b"[[1, 2]]", b"[[3]]")}


SIZE = 4_000_000
HOSTILE = {
    "nulls": b"[" + b"null," * (SIZE // 5) + b"null]",
    "words": b"[" + b'"NaN",' * (SIZE // 6) + b"1]",
    "words and text": b'["a",' + b'"NaN",' * (SIZE // 6) + b"1]",
    "keys that are words": b"{" + b'"NaN":1,' * (SIZE // 8) + b'"a":1}',
    "texts": b"[" + b'"a",' * (SIZE // 4) + b"1]",
    "ragged": b"[" + b"[1],[1,2]," * (SIZE // 10) + b"[1]]",
    "objects": b"[" + b"{}," * (SIZE // 3) + b"{}]",
    "empty": b"[" + b"[]," * (SIZE // 3) + b"[]]",
    "deep": b"[" * SIZE,
    "a huge integer": b"[1" + b"0" * SIZE + b"]",
    "huge integers": b"[" + (b"1" + b"0" * 300 + b",") * (SIZE // 302) + b"1]",
}


def read_or_refused(body: bytes) -> object:
    try:
        return read(body)["outputs"]
    except MalformedBody as error:
        return error


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_answers_cost_bounded_time_and_memory(text: bytes) -> None:
    body = b'{"answers": {"outputs": %b}}' % text
    with Stopwatch() as watch:
        found = read_or_refused(body)
    assert watch.seconds < 5
    assert isinstance(found, NoTensor | MalformedBody | np.ndarray)
    tracemalloc.start()  # after the time is taken: counting each allocation takes more than they do
    try:
        read_or_refused(body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10 * SIZE + 180 * MAX_SKELETON
