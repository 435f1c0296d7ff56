"""Tensor fields: models without numbers, slots, inlined lists, pointers, and the JSON schema."""

import json
from typing import Annotated, Any, Literal

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chainrule.schemas.envelope import TensorRef, load, split
from chainrule.schemas.tensors import (
    MOST_INTEGERS,
    MOST_NUMBERS,
    ArrayCollector,
    Inline,
    Integers,
    Numbers,
    Tensor,
    TensorSlot,
    UnfitTensor,
    pointer_of,
)


class Drawn(BaseModel):
    shape: Integers


class Layer(BaseModel):
    weight: Tensor | Drawn | str
    bias: Tensor | None = None


class Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    layers: Annotated[list[Layer], Inline] = Field(default_factory=list)
    inputs: Tensor | None = None
    named: dict[str, Tensor] = Field(default_factory=dict)
    wrt: Annotated[Literal["all"] | list[str], Inline] = "all"
    axes: Integers = ()
    steps: Numbers = ()


def read(body: bytes) -> tuple[Request, ArrayCollector]:
    envelope = split(body)
    collector = ArrayCollector(envelope.spans)
    return Request.model_validate(load(envelope), context={"arrays": collector}), collector


def in_process(**fields: Any) -> tuple[Request, ArrayCollector]:
    collector = ArrayCollector()
    return Request.model_validate(fields, context={"arrays": collector}), collector


def refusals(body: bytes) -> list[str]:
    with pytest.raises(ValidationError) as refusal:
        read(body)
    return [error["msg"] for error in refusal.value.errors()]


def test_every_tensor_field_holds_a_slot_and_the_collector_its_array():
    request, collector = read(b'{"layers":[{"weight":[[1,2]],"bias":3},{"weight":"W"}],"named":{"x":[0.5]}}')
    assert request.layers[0].weight == TensorSlot(0)
    assert request.layers[0].bias == TensorSlot(1)
    assert request.layers[1].weight == "W"
    assert request.named == {"x": TensorSlot(2)}
    for found, expected in zip(collector.arrays, (np.array([[1, 2]]), np.array(3), np.array([0.5])), strict=True):
        np.testing.assert_array_equal(found, expected, strict=True)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=5), st.lists(st.integers(-9, 9), min_size=1, max_size=5))
def test_a_kept_model_serves_another_request_with_the_same_skeleton(inputs, bias):
    request, collector = read(b'{"inputs":[[1,2]],"layers":[{"weight":2.5,"bias":[7]}]}')
    later = split(orjson.dumps({"inputs": inputs, "layers": [{"weight": 2.5, "bias": bias}]}))
    assert later.skeleton == split(b'{"inputs":[[1,2]],"layers":[{"weight":2.5,"bias":[7]}]}').skeleton
    arrays = collector.layout.arrays(later.spans)
    assert isinstance(request.inputs, TensorSlot)
    assert isinstance(request.layers[0].weight, TensorSlot)
    assert isinstance(request.layers[0].bias, TensorSlot)
    assert arrays[request.inputs.index].tolist() == inputs
    assert arrays[request.layers[0].weight.index].item() == 2.5
    assert arrays[request.layers[0].bias.index].tolist() == bias


def test_the_content_of_inlined_lists_is_told_apart_from_that_of_tensors():
    one, two, other = (
        split(b'{"axes":[0,1],"inputs":[1]}'),
        split(b'{"axes":[0,1],"inputs":[2]}'),
        split(b'{"axes":[1,0],"inputs":[1]}'),
    )
    collector = ArrayCollector(one.spans)
    Request.model_validate(load(one), context={"arrays": collector})
    (axes,) = collector.layout.inlined
    assert one.skeleton == two.skeleton == other.skeleton
    assert (one.spans[axes], two.spans[axes], other.spans[axes]) == (b"[0,1]", b"[0,1]", b"[1,0]")


def test_a_union_that_looks_at_a_tensor_twice_gives_it_one_slot():
    class Twice(BaseModel):
        value: tuple[Tensor, str] | tuple[Tensor, int]

    envelope = split(b'{"value":[[1,2],3.5,"x"]}')
    collector = ArrayCollector(envelope.spans)
    with pytest.raises(ValidationError):
        Twice.model_validate(load(envelope), context={"arrays": collector})
    assert collector.layout.sources == (TensorRef(0),)


def test_integers_and_numbers_are_part_of_the_structure():
    request, collector = read(b'{"axes":[20, 2],"steps":[1, 0.5],"layers":[{"weight":{"shape":[3]}}]}')
    assert request.axes == (20, 2)
    assert request.steps == (1.0, 0.5)
    assert isinstance(request.layers[0].weight, Drawn)
    assert request.layers[0].weight.shape == (3,)
    assert collector.arrays == []
    assert collector.layout.inlined == (0, 1, 2)


def test_empty_lists_may_be_written_where_lists_are_due():
    request, _ = read(b'{"layers":[],"wrt":[],"axes":[],"steps":[]}')
    assert (request.layers, request.wrt, request.axes, request.steps) == ([], [], (), ())


def test_lists_of_text_need_no_inlining():
    request, collector = read(b'{"wrt":["W1","b1"]}')
    assert request.wrt == ["W1", "b1"]
    assert collector.layout.inlined == ()


@pytest.mark.parametrize(
    "axes", [b"[1.0]", b"[true]", b"[null]", b"[[1]]", b'["1"]', b"[1,]", b"7", b'"7"', b"{}", b"null"]
)
def test_integers_take_integers_only(axes):
    assert refusals(b'{"axes":' + axes + b"}")


def test_a_long_list_where_a_short_one_is_due_is_one_error():
    assert refusals(b'{"axes":[' + b"1," * 100_000 + b"1]}") == [
        "found a list of 200003 bytes, more than the 1024 that fit here: it wants at most 64 integers"
    ]
    assert len(refusals(b'{"axes":[' + b"null," * 100 + b"null]}")) == 1


def test_integers_are_few():
    assert len(read(b'{"axes":[' + b"1," * 63 + b"1]}")[0].axes) == MOST_INTEGERS == 64
    (message,) = refusals(b'{"axes":[' + b"1," * 64 + b"1]}")
    assert "at most 64 items" in message


@pytest.mark.parametrize("indent", [None, 8])
def test_numbers_may_be_many_with_all_their_digits(indent):
    longest = -1.7976931348623157e-308
    request, _ = read(json.dumps({"steps": [longest] * MOST_NUMBERS}, indent=indent).encode())
    assert request.steps == (longest,) * MOST_NUMBERS


@pytest.mark.parametrize(
    ("steps", "limit"),
    [
        (b"[" + b"1," * MOST_NUMBERS + b"1]", "at most 10000 items"),
        (b"[" + b"1," * 1_000_000 + b"1]", "more than the 640000 that fit here: it wants at most 10000 numbers"),
    ],
)
def test_too_many_numbers_are_told_the_limit(steps, limit):
    (message,) = refusals(b'{"steps":' + steps + b"}")
    assert limit in message


@pytest.mark.parametrize("steps", [b"[1,true]", b"[[1]]", b'["1"]', b"[1,null]", b"[1e999]", b"[1,]", b"7", b"null"])
def test_numbers_take_finite_numbers_only(steps):
    assert refusals(b'{"steps":' + steps + b"}")


def test_a_long_list_of_no_numbers_is_one_error():
    assert len(refusals(b'{"steps":[' + b"null," * 100_000 + b"null]}")) == 1


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b'"text"', "found text"),
        (b"true", "found a boolean"),
        (b"{}", "found an object"),
        (b'["a", 1]', "found text"),
        (b'["a", [1]]', "found text"),
        (b'[{"a": 1}]', "found an object"),
        (b'[[1], {"a": 1}]', "found an object"),
    ],
)
def test_a_tensor_field_says_what_it_found_instead(value, found):
    (message,) = refusals(b'{"named":{"x":' + value + b"}}")
    assert found in message


def test_a_span_that_is_no_tensor_is_refused_with_its_place():
    body = b'{"layers":[{"weight":[[1]]},{"weight":[[1,2],[3]]}]}'
    _, collector = read(body)
    with pytest.raises(UnfitTensor, match="row 1 has 1 entries") as refusal:
        _ = collector.arrays
    assert pointer_of(load(split(body)), refusal.value.ref) == "/layers/1/weight"


def test_pointers_into_a_body_and_into_a_model():
    body = b'{"named":{"a/b~c":[1],"d":2},"inputs":[3],"axes":[0]}'
    request, _ = read(body)
    document = load(split(body))
    assert pointer_of(document, TensorRef(0)) == "/named/a~1b~0c"
    assert pointer_of(document, TensorRef(1)) == "/inputs"
    assert pointer_of(document, TensorRef(9)) is None
    assert request.inputs is not None
    assert pointer_of(request, request.inputs) == "/inputs"
    assert pointer_of(request, request.named["d"]) == "/named/d"
    assert pointer_of(request, TensorSlot(9)) is None


def test_arrays_lists_and_numbers_are_taken_in_process():
    weight = np.arange(6.0).reshape(2, 3)
    request, collector = in_process(
        layers=[Layer.model_construct(weight="W")],
        named={"w": weight, "w_t": weight.T, "list": [[1, 2]], "tuple": (1.5,), "one": 3, "np": np.float32(0.5)},
        axes=(0, 1),
    )
    arrays = {name: collector.arrays[slot.index] for name, slot in request.named.items()}
    assert arrays["w"] is weight
    assert {name: array.tolist() for name, array in arrays.items()} == {
        "w": weight.tolist(),
        "w_t": weight.T.tolist(),
        "list": [[1, 2]],
        "tuple": [1.5],
        "one": 3,
        "np": 0.5,
    }
    assert request.axes == (0, 1)


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, "2", [1, True], [1, None], ["2"], float("nan"), [float("inf")], [[1], [2, 3]], []),
        *(np.array([True]), np.array([np.nan]), np.float64("nan"), np.True_, ..., {1}, 1j),
    ],
    ids=repr,
)
def test_what_is_no_tensor_is_refused_in_process(value):
    with pytest.raises(ValidationError):
        in_process(named={"x": value})


def test_a_model_with_tensors_needs_a_collector():
    with pytest.raises(TypeError, match="ArrayCollector"):
        Request.model_validate({"inputs": 3})


def test_the_json_schema_names_tensors_and_nests_them():
    schema = Request.model_json_schema()
    tensor = schema["$defs"]["Tensor"]
    assert tensor["title"] == "Tensor"
    assert tensor["anyOf"] == [
        {"type": "number"},
        {"type": "array", "items": {"$ref": "#/$defs/Tensor"}, "minItems": 1},
    ]
    assert schema["properties"]["named"]["additionalProperties"] == {"$ref": "#/$defs/Tensor"}
    assert schema["properties"]["axes"]["items"] == {"type": "integer"}
    for example in tensor["examples"]:
        request, collector = read(orjson.dumps({"inputs": example}))
        assert request.inputs == TensorSlot(0)
        assert collector.arrays[0].tolist() == example
