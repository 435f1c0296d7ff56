"""Replies hold NumPy arrays under the contract's names."""

import copy
import pickle

import numpy as np
import pytest

from chainrule_client import Jacobian, Reply


def test_fields_are_read_by_attribute_and_by_key():
    raw = {
        "outputs": [[1, 2.5]],
        "loss": 0.25,
        "gradients": {"W1": [[1.0, "NaN"]], "b1": [1]},
        "per_example": {"gradients": {"b1": [[1]]}},
        "warnings": ["saturated"],
        "meta": {"backend": "numpy"},
    }
    reply = Reply(raw, request_id="r1")
    assert reply.outputs.dtype == np.float64
    assert np.array_equal(reply.outputs, [[1.0, 2.5]])
    assert reply.loss == 0.25
    assert isinstance(reply.loss, float)
    assert np.isnan(reply.gradients["W1"][0, 1])
    assert reply.gradients["b1"].dtype == np.float64
    assert reply.per_example["gradients"]["b1"].shape == (1, 1)
    assert reply["gradients"] is reply.gradients
    assert list(reply) == list(raw)
    assert reply.warnings == ["saturated"]
    assert reply.meta["backend"] == "numpy"
    assert reply.request_id == "r1"
    assert reply.raw is raw


def test_an_unreduced_loss_is_an_array():
    assert Reply({"loss": [[1.0, 2.0]]}).loss.shape == (1, 2)


def test_a_loss_that_is_not_finite_is_a_float():
    assert Reply({"loss": "Infinity"}).loss == float("inf")


def test_asking_for_an_absent_field_says_what_there_is():
    with pytest.raises(AttributeError, match="no gradients; it has outputs, loss"):
        _ = Reply({"outputs": [1.0], "loss": 1.0}).gradients


def test_a_field_without_a_property_is_an_attribute_too():
    reply = Reply({"valid": True, "nodes": [{"node": "a1"}], "order": ["a1"]})
    assert reply.valid
    assert reply.nodes == [{"node": "a1"}]
    assert reply.order is reply["order"]
    assert {"nodes", "order", "gradients", "raw"} <= set(dir(reply))
    with pytest.raises(AttributeError, match="no ordr; it has valid, nodes, order"):
        _ = reply.ordr
    assert not hasattr(reply, "_nodes")


def test_a_copy_is_a_reply():
    reply = Reply({"loss": 0.5, "order": ["a1"]}, request_id="r1")
    for copied in (copy.copy(reply), pickle.loads(pickle.dumps(reply))):
        assert (copied.loss, copied.order, copied.request_id) == (0.5, ["a1"], "r1")


@pytest.mark.parametrize(
    ("sent", "read"), [("Infinity", np.inf), ("-Infinity", -np.inf), ("NaN", np.nan), (np.float64(2), 2.0), (3, 3.0)]
)
def test_numbers_outside_tensors_are_floats_whether_finite_or_not(sent, read):
    reply = Reply(
        {
            "kinks": [{"node": "a1", "index": [0, 1], "value": sent}],
            "verification": {"method": "five_point", "passed": False, "tolerance": 1e-6, "deviations": {"x": sent}},
        }
    )
    assert (reply.kinks[0].node, reply.kinks[0].index) == ("a1", (0, 1))
    assert reply.verification["method"] == "five_point"
    for number in (reply.kinks[0].value, reply.verification["deviations"]["x"]):
        assert type(number) is float
        np.testing.assert_equal(number, read)


def test_the_trace_is_by_node_in_order():
    trace = Reply(
        {
            "trace": [
                {"node": "s1", "op": "linear", "inputs": {"x": "x", "weight": "W1"}, "output": [[1.0]]},
                {"node": "a1", "op": "relu", "inputs": {"x": "s1"}, "output": [[2.0]]},
            ]
        }
    ).trace
    assert list(trace) == ["s1", "a1"]
    assert trace["s1"].inputs["weight"] == "W1"
    assert trace["a1"].output[0, 0] == 2.0


def test_it_shows_fields_and_shapes():
    reply = Reply({"outputs": [[1, 2]], "loss": 0.5, "gradients": {"W1": [[1, 2, 3]]}})
    assert repr(reply) == "Reply(outputs: array [1, 2], loss: 0.5, gradients: {W1: array [1, 3]})"


@pytest.mark.parametrize(("lead", "of"), [((), (3,)), ((4,), (3,)), ((4,), (2, 3)), ((), (2, 3))])
def test_a_diagonal_becomes_dense(lead, of):
    rng = np.random.default_rng(11)
    diagonal = rng.standard_normal((*lead, *of))
    dense = Jacobian((*lead, *of, *of), "diagonal", diagonal=diagonal).dense()
    expected = np.zeros((*lead, *of, *of))
    for index in np.ndindex(*lead, *of):
        expected[index + index[len(lead) :]] = diagonal[index]
    assert np.array_equal(dense, expected)


@pytest.mark.parametrize(("batch", "of"), [(None, (3,)), (4, (3,)), (4, ()), (4, (2, 3))])
def test_an_outer_product_becomes_dense(batch, of):
    rng = np.random.default_rng(11)
    lead = () if batch is None else (batch,)
    left, right = rng.standard_normal((*lead, *of, 5)), rng.standard_normal((*lead, 6))
    dense = Jacobian((*lead, *of, 5, 6), "outer", left=left, right=right).dense()
    for index in np.ndindex(*lead):
        assert np.allclose(dense[index], np.multiply.outer(left[index], right[index]))


def test_jacobians_are_read_in_any_form():
    reply = Reply(
        {
            "jacobians": {
                "y_hat/W1": {"shape": [1, 1, 2], "structure": "dense", "value": [[[1, 2]]]},
                "a1/s1": {"shape": [1, 2, 2], "structure": "diagonal", "diagonal": [[1, 0]]},
            }
        }
    )
    assert np.array_equal(reply.jacobians["y_hat/W1"].dense(), [[[1, 2]]])
    assert reply.jacobians["a1/s1"].structure == "diagonal"
    assert np.array_equal(reply.jacobians["a1/s1"].dense(), [[[1, 0], [0, 0]]])
