"""What is accepted as a tensor, and that the numbers which arrive are those that were sent."""

import json

import numpy as np
import pytest

from chainrule_client.tensors import encode, to_wire


def sent(value, **options):
    return json.loads(encode(to_wire(value, **options)))


RNG = np.random.default_rng(5)
NUMBERS = RNG.standard_normal((3, 4))


@pytest.mark.parametrize(
    "array",
    [
        NUMBERS,
        NUMBERS.T,
        NUMBERS[::2, 1:],
        NUMBERS.astype(">f8"),
        NUMBERS.astype("f4"),
        NUMBERS.astype("f2"),
        np.broadcast_to(NUMBERS[0], (2, 4)),
        np.arange(4, dtype=">i4"),
        np.arange(4, dtype="u1"),
        np.longdouble([1.5, 2.5]),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_an_array_of_any_width_order_and_stride_arrives_exactly(array):
    assert np.array_equal(np.array(sent(array)), array.astype(np.float64))


@pytest.mark.parametrize("scalar", [np.float64(0.1), np.float32(0.5), np.int32(7), np.array(2.5)])
def test_a_scalar_of_numpy_arrives_as_a_number(scalar):
    assert sent({"x": scalar}) == {"x": float(scalar)}


def test_class_indices_stay_integers():
    assert encode(to_wire(np.array([2, 0, 1]))) == b"[2,0,1]"
    assert encode(to_wire(np.int64(2))) == b"2"


def test_single_precision_keeps_its_short_digits_only_where_the_service_computes_in_it():
    tenth = np.array([0.1], dtype=np.float32)
    assert sent(tenth) == [float(tenth[0])]
    assert encode(to_wire(tenth, narrow=True)) == b"[0.1]"


def test_lists_arrive_as_they_are():
    tree = {"a": [[1, 2.5], [3, 4]], "b": (1, 2), "c": [[True], [None], ["text"]], "d": []}
    assert sent(tree) == {"a": [[1, 2.5], [3, 4]], "b": [1, 2], "c": [[True], [None], ["text"]], "d": []}


def test_rows_may_be_arrays():
    assert sent([np.array([1.0, 2.0]), [3.0, 4.0]]) == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"inputs": [[1.0, 2.0], [3.0, float("nan")]]}, "/inputs/1/1 is nan"),
        ({"inputs": np.array([[1.0, -np.inf]])}, "/inputs/0/1 is -inf"),
        ({"scale": float("inf")}, "/scale is inf"),
        ({"inputs": np.array([1.0, np.nan], dtype=np.float32)}, "/inputs/1 is nan"),
    ],
)
def test_a_number_that_is_not_finite_is_refused_with_its_place(value, says):
    with pytest.raises(ValueError, match=says):
        to_wire(value)


@pytest.mark.parametrize("as_held", [False, True])
def test_a_number_beyond_float64_is_refused_with_its_place(as_held):
    wide = np.longdouble("1e400")
    if not np.isfinite(wide):
        pytest.skip("there is nothing wider than float64 here")
    for value, place in ([1, wide], "/inputs/1"), (wide, "/inputs"), (-wide, "/inputs"):
        with pytest.raises(ValueError, match=rf"{place} is -?inf; only finite numbers"):
            to_wire({"inputs": np.array(value)}, as_held=as_held)
    assert to_wire(np.longdouble([1.5]), as_held=as_held).dtype == np.float64


@pytest.mark.parametrize(
    "array", [np.array([True]), np.array([1j]), np.array(["1"]), np.array([None]), np.array(["NaT"], "M8[s]")]
)
def test_an_array_of_anything_but_numbers_is_refused(array):
    with pytest.raises(ValueError, match=r"/inputs is an array of .* a tensor holds integers or real numbers"):
        to_wire({"inputs": array})


def test_an_object_of_no_known_kind_is_refused():
    with pytest.raises(ValueError, match="/inputs is a set"):
        to_wire({"inputs": {1.0}})


def test_an_integer_that_json_cannot_hold_is_a_value_error():
    with pytest.raises(ValueError, match="cannot be written as JSON"):
        encode(to_wire([10**30]))


def test_torch_tensors_arrive_exactly():
    torch = pytest.importorskip("torch")
    weights = torch.tensor([[0.1, 0.2], [0.3, 0.4]], requires_grad=True)
    assert np.array_equal(np.array(sent(weights)), weights.detach().double().numpy())
    assert np.array_equal(np.array(sent(weights.double().T)), weights.detach().double().numpy().T)
    assert sent(torch.tensor([2, 0])) == [2, 0]
    assert sent(torch.tensor(2)) == 2
    assert sent(torch.tensor([0.1], dtype=torch.bfloat16)) == [float(torch.tensor([0.1], dtype=torch.bfloat16))]
