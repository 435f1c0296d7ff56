"""Splitting a body into skeleton and spans, against the standard library's parser and against orjson."""

import json
import tracemalloc
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.schemas import envelope as module
from chainrule.schemas.envelope import (
    MAX_DEPTH,
    MAX_RANK,
    MAX_SKELETON,
    Envelope,
    MalformedBody,
    TensorRef,
    load,
    split,
)
from stopwatch import Stopwatch

numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
arrays = st.recursive(st.lists(numbers, max_size=4), lambda inner: st.lists(inner | numbers, max_size=3), max_leaves=6)
texts = st.text(alphabet=st.sampled_from('ab_0[]{}",:\\/ \n\té√'), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts | arrays,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
documents = st.dictionaries(texts, values, max_size=5)
styles = st.sampled_from(
    [{}, {"separators": (",", ":")}, {"indent": 1}, {"ensure_ascii": False}, {"separators": (" , ", " : ")}]
)


def written(document: object, style: dict[str, Any]) -> bytes:
    return json.dumps(document, **style).encode()


def is_span(value: object) -> bool:
    if isinstance(value, list):
        return all(not isinstance(item, str | dict) and (not isinstance(item, list) or is_span(item)) for item in value)
    return False


def outermost_spans(value: object) -> list[object]:
    if is_span(value):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [span for item in inner for span in outermost_spans(item)]


def filled_in(value: object, spans: list[object]) -> object:
    if isinstance(value, TensorRef):
        return spans[value.index]
    if isinstance(value, dict):
        return {key: filled_in(item, spans) for key, item in value.items()}
    return [filled_in(item, spans) for item in value] if isinstance(value, list) else value


def split_as_a_long_body(body: bytes) -> Envelope:
    with patch.object(module, "_SHORT", -1):
        return split(body)


@given(documents, styles)
def test_spans_are_the_outermost_arrays_without_text_or_objects(document, style):
    envelope = split(written(document, style))
    assert [json.loads(span) for span in envelope.spans] == outermost_spans(document)


@given(documents, styles)
def test_skeleton_and_spans_make_the_same_document(document, style):
    envelope = split(written(document, style))
    assert filled_in(load(envelope), [json.loads(span) for span in envelope.spans]) == document


WORDS = ("NaN", "Infinity", "-Infinity")
with_words = st.recursive(
    st.sampled_from([*WORDS, "NaN,", '"NaN"', "a"]) | numbers | st.none() | arrays,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts | st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)


def words_as_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {key: words_as_nulls(item) for key, item in value.items()}
    if isinstance(value, list):
        return [None if isinstance(item, str) and item in WORDS else words_as_nulls(item) for item in value]
    return value


@given(st.dictionaries(texts | st.sampled_from(WORDS), with_words, max_size=5), styles)
def test_words_may_count_as_numbers(document, style):
    envelope = split(written(document, style), words=True)
    spans = [json.loads(span) for span in envelope.spans]
    assert [words_as_nulls(span) for span in spans] == outermost_spans(words_as_nulls(document))
    assert filled_in(load(envelope), spans) == document


@given(documents, styles)
def test_short_and_long_bodies_are_split_alike(document, style):
    body = written(document, style)
    assert split(body) == split_as_a_long_body(body)


@given(st.binary(max_size=40).map(lambda noise: noise.replace(b"a", b'"')))
def test_quotes_far_apart_are_found_as_split_finds_them(body):
    assert module._between_far_quotes(body) == body.split(b'"')


@given(documents, styles, st.data())
def test_the_skeleton_does_not_depend_on_what_the_arrays_hold(document, style, data):
    def redrawn(value: Any) -> Any:
        if is_span(value):
            return data.draw(arrays)
        if isinstance(value, dict):
            return {key: redrawn(item) for key, item in value.items()}
        return [redrawn(item) for item in value] if isinstance(value, list) else value

    if style.get("indent"):
        style = {}  # the layout of an indented array shows how long it is, and of the line after it where it ends
    assert split(written(redrawn(document), style)).skeleton == split(written(document, style)).skeleton


def parsed(body: bytes, *, words: bool = False) -> object:
    """What split, load and the parsing of every span make of a body; None where any of them refuses."""
    try:
        envelope = split(body, words=words)
        return filled_in(load(envelope), [orjson.loads(span) for span in envelope.spans])
    except (MalformedBody, orjson.JSONDecodeError):
        return None


@given(
    documents,
    styles,
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from([*'[]{}",:\\ 05nx\0\1\2', '"NaN"'])), max_size=3),
)
def test_a_damaged_body_is_refused_exactly_where_it_is_not_json(document, style, damage):
    body = bytearray(written(document, style))
    for where, symbol in damage:
        at = int(where * len(body))
        body[at : at + 1] = symbol.encode()
    ours = parsed(bytes(body))
    with patch.object(module, "_SHORT", -1):
        assert parsed(bytes(body)) == ours
    assert parsed(bytes(body), words=True) == ours
    try:
        theirs = orjson.loads(bytes(body))
    except orjson.JSONDecodeError:
        theirs = None
    if isinstance(theirs, dict):
        # Only a key given twice is refused that orjson takes.
        assert ours == theirs or len(outermost_spans(theirs)) < len(split(bytes(body)).spans)
    else:
        assert ours is None


@pytest.mark.parametrize(
    ("body", "skeleton", "spans"),
    [
        (b'{"name":"a[1,2]","x":[1]}', b'{"name":"a[1,2]","x":[0]}', (b"[1]",)),
        (b'{"n":":[1]","m":": [[2]]","x":[3]}', b'{"n":":[1]","m":": [[2]]","x":[0]}', (b"[3]",)),
        (b'{"n":"\\":[1]","m":"\\\\","x":[3]}', b'{"n":"\\":[1]","m":"\\\\","x":[0]}', (b"[3]",)),
        (b'{"x":[[1,2],{"a":1}]}', b'{"x":[[0],{"a":1}]}', (b"[1,2]",)),
        (b'{"x":[[1,2],"a",[3]]}', b'{"x":[[0],"a",[1]]}', (b"[1,2]", b"[3]")),
        (b'{"x":[[1],[[2]],"a"]}', b'{"x":[[0],[1],"a"]}', (b"[1]", b"[[2]]")),
        (b'{"x":[{"w":[1]},[2],{"w":3}]}', b'{"x":[{"w":[0]},[1],{"w":3}]}', (b"[1]", b"[2]")),
        (b'{"x":[],"y":[[]]}', b'{"x":[0],"y":[1]}', (b"[]", b"[[]]")),
        (b'{"x":[1,,2],"y":[[1],[2,3]]}', b'{"x":[0],"y":[1]}', (b"[1,,2]", b"[[1],[2,3]]")),
        (b'{"x": [1], "s": 7}', b'{"x":[0], "s": 7}', (b" [1]",)),
    ],
)
def test_where_a_span_begins_and_ends(body, skeleton, spans):
    assert split(body) == Envelope(skeleton, spans)
    assert split_as_a_long_body(body) == Envelope(skeleton, spans)


def test_a_client_cannot_write_a_placeholder():
    body = b'{"a":[1],"b":[0],"c":["[0]",[0]],"d":"[1]"}'
    assert load(split(body)) == {
        "a": TensorRef(0),
        "b": TensorRef(1),
        "c": ["[0]", TensorRef(2)],
        "d": "[1]",
    }


def test_scalars_outside_arrays_stay_in_the_skeleton():
    assert load(split(b'{"scale": 3, "on": true, "x": [1, 2]}')) == {"scale": 3, "on": True, "x": TensorRef(0)}


def test_too_many_axes_leave_lists_around_the_placeholder():
    deep = b"[" * (MAX_RANK + 1) + b"1" + b"]" * (MAX_RANK + 1)
    assert load(split(b'{"x":["",' + deep + b"]}")) == {"x": ["", [TensorRef(0)]]}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not JSON"),
        (b"\xff{}", "UTF-8"),
        (b"{", "not JSON"),
        (b'{"answers": {"loss": NaN}}', "at byte 21; NaN and Infinity are not JSON: .* in quotes"),
        (b'{"answers": {"loss": -Infinity}}', "at byte 22; NaN and Infinity are not JSON"),
        (b'{"x": nan}', "at byte 6"),
        (b'{"x":[1.25,2.5],"y":oops}', "at byte 20"),
        (b'{"s":"[0] \\"[7]","x":[1.25,2.5],"y":oops}', "at byte 36"),
        (b'{"x":[1]}{', "at byte 9"),
        (b'{"x": "open', "not JSON"),
        (b'{"x":"\\\0"}', "not JSON"),
        (b"[1,2]", "not an object"),
        (b'"text"', "not an object"),
        (b"3", "not an object"),
        (b'{"x":[1],"x":[2]}', "same key twice"),
        (b'{"x":1,"y":[2],"x":[3],"x":4}', "same key twice"),
        (b'{"x":' * 100 + b"1" + b"}" * 100, "nested more than"),
        (b'{"x":' * 5000, "depth"),
        (b'{"x":"' + b"a" * (1 << 20) + b'"}', "bytes that belong to no tensor"),
    ],
)
def test_a_body_that_is_no_request_is_refused_with_a_reason(body, message):
    with pytest.raises(MalformedBody, match=message) as refusal:
        load(split(body))
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize(
    ("body", "message"),
    [(b'{"x": "open', "string, which begins at byte 6"), (b'{"x":"\\\0"}', "NUL byte, at byte 7")],
)
def test_a_long_body_is_refused_before_it_is_loaded(body, message):
    with pytest.raises(MalformedBody, match=message):
        split_as_a_long_body(body)


def test_tensors_keep_their_places_when_a_key_without_one_is_given_twice():
    assert load(split(b'{"a": 1, "b": [2], "a": [3]}')) == {"a": TensorRef(1), "b": TensorRef(0)}


def test_nesting_up_to_the_limit_is_taken():
    document = load(split(b'{"x":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH))
    for _ in range(MAX_DEPTH):
        document = document["x"]
    assert document == 1


SIZE = 3_000_000
HOSTILE = {
    "nulls": b'{"x":[' + b"null," * (SIZE // 5) + b"null]}",
    "nulls beside text": b'{"x":["",' + b"null," * (SIZE // 5) + b"null]}",
    "quotes": b'"' * SIZE,
    "open brackets": b"[" * SIZE,
    "open brackets as a member": b'{"x":' + b"[" * SIZE,
    "open brackets, few short of balance": b'{"x":["",' + b"[" * (SIZE // 2) + b"]" * (SIZE // 2 - 5),
    "shallow, many": b'{"x":["",' + b"[]," * (SIZE // 3),
    "shallow, deep by turns": b'{"x":["",' + b"[[[[[[[[[1]" * (SIZE // 11) + b"]",
    "arrays and text by turns": b'{"x":' + b'[1,"a",' * (SIZE // 7),
    "closed before opened": b'""]["' * (SIZE // 5),
    "broken objects": b'""[{]' * (SIZE // 5),
    "objects": b'{"x":[' + b"{}," * (SIZE // 3) + b"{}]}",
    "objects in objects": b'{"a":' * (SIZE // 5),
    "empty members": b"{" + b'"a":[],' * (SIZE // 7) + b'"b":[]}',
    "deepest tensor, then an object": b'{"x":["",' + b"[" * 8 + b"1," * (SIZE // 2) + b"1]{",
    "backslashes": b'{"x":"' + b"\\" * SIZE + b'"}',
    "a string that does not end": b'{"x":"' + b"[1]" * (SIZE // 3),
    "white space": b" " * SIZE,
    "white space before brackets": (b'{"a":' + b" " * 1000 + b"[") * (SIZE // 1006),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_body_costs_bounded_time(body):
    with Stopwatch() as watch:
        parsed_or_refused(body)
    assert watch.seconds < 5


@pytest.mark.parametrize("kind", ["nulls", "quotes", "shallow, many"])
def test_a_hostile_body_costs_bounded_memory(kind):
    tracemalloc.start()
    try:
        parsed_or_refused(HOSTILE[kind])
        assert tracemalloc.get_traced_memory()[1] < 5 * SIZE + 80 * MAX_SKELETON
    finally:
        tracemalloc.stop()


def parsed_or_refused(body: bytes) -> None:
    with suppress(MalformedBody):
        load(split(body))
