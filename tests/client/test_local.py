"""The calls in process read as those over HTTP, and say no in the same words."""

import inspect

import numpy as np
import pytest

from chainrule_client import Client, InvalidRequest, LocalClient, Network, NotFound, identity, linear, local, op, relu

RNG = np.random.default_rng(17)
W1, B1, W2, B2 = (RNG.standard_normal(shape) for shape in [(4, 3), (4,), (2, 4), (2,)])
X, Y = RNG.standard_normal((6, 3)), RNG.standard_normal((6, 2))
NETWORK = Network.layers(linear(W1, B1), relu(scale=3), linear(W2, B2), identity())
COMPUTING = ["validate", "forward", "loss", "gradients", "jacobians"]


def test_every_call_has_the_signature_it_has_over_http():
    for name in [*COMPUTING, "instances", "call", "ops", "op", "problems", "problem", "info", "live", "ready"]:
        remote, here = getattr(Client, name), getattr(LocalClient, name)
        assert inspect.signature(remote) == inspect.signature(here), name
        assert getattr(local, name).__self__.__class__ is LocalClient


def by_hand():
    s1 = X @ W1.T + B1
    a1 = 3 * np.maximum(s1, 0)
    y_hat = a1 @ W2.T + B2
    g = 2 * (y_hat - Y)
    g1 = g @ W2 * 3 * (s1 > 0)
    return y_hat, {"W1": g1.T @ X, "b1": g1.sum(0), "W2": g.T @ a1, "b2": g.sum(0)}


def test_gradients_are_those_worked_out_by_hand():
    reply = local.gradients(NETWORK, X, Y, "squared_error")
    y_hat, gradients = by_hand()
    np.testing.assert_allclose(reply.outputs, y_hat, rtol=1e-12)
    np.testing.assert_allclose(reply.loss, ((y_hat - Y) ** 2).sum(), rtol=1e-12)
    assert list(reply.gradients) == ["W1", "b1", "W2", "b2"]
    for name, expected in gradients.items():
        np.testing.assert_allclose(reply.gradients[name], expected, rtol=1e-12)
    assert reply.meta["backend"] == "numpy"
    assert reply.request_id is None


def test_parts_per_example_sum_to_the_gradients_and_steps_name_each_node():
    reply = local.gradients(NETWORK, X, Y, "squared_error", per_example=True, steps=True)
    for name, each in reply.per_example["gradients"].items():
        np.testing.assert_allclose(each.sum(0), reply.gradients[name], rtol=1e-12)
    assert {"s1", "a1", "s2"} <= set(reply.steps)
    step = reply.steps["a1"]
    assert step.op == "relu"
    s1 = X @ W1.T + B1
    np.testing.assert_array_equal(step.local["x"].diagonal, 3.0 * (s1 > 0))
    np.testing.assert_allclose(step.contributes["x"], step.cotangent * step.local["x"].diagonal, rtol=1e-12)


def test_structured_jacobians_made_dense_are_the_dense_ones():
    pairs = [("y_hat", "W1"), ("y_hat", "W2"), ("a1", "s1"), ("y_hat", "x")]
    dense = local.jacobians(NETWORK, X, pairs).jacobians
    structured = local.jacobians(NETWORK, X, pairs, form="structured").jacobians
    assert structured["a1/s1"].structure == "diagonal"
    assert structured["y_hat/W1"].structure == "outer"
    for name, jacobian in structured.items():
        assert jacobian.shape == jacobian.dense().shape == dense[name].shape
        np.testing.assert_allclose(jacobian.dense(), dense[name].dense(), rtol=1e-12, atol=1e-14)


def test_the_trace_holds_every_node():
    trace = local.forward(NETWORK, X, trace=True).trace
    assert trace["s1"].inputs == {"x": "x", "weight": "W1", "bias": "b1"}
    np.testing.assert_allclose(trace["a1"].output, 3 * np.maximum(X @ W1.T + B1, 0), rtol=1e-12)


def test_validation_computes_nothing():
    reply = local.validate(NETWORK, X, Y, "mse")
    assert reply["parameters"]["W1"]["shape"] == [4, 3]
    assert "outputs" not in reply


def test_lists_and_arrays_give_the_same():
    lists = Network.layers(linear(W1.tolist(), B1.tolist()), relu(scale=3), linear(W2.tolist(), B2.tolist()))
    one = local.gradients(lists, X.tolist(), Y.tolist(), "squared_error")
    other = local.gradients(NETWORK, X, Y, "squared_error")
    np.testing.assert_array_equal(one.gradients["W1"], other.gradients["W1"])


def test_kinks_are_told():
    reply = local.gradients(Network.layers(relu()), [[0.0, 1.0]], [[1.0, 1.0]], "mse", wrt=["x"])
    assert reply.kink_count == 1
    assert (reply.kinks[0].index, reply.kinks[0].value) == ((0, 0), 0.0)


def test_a_refusal_points_into_the_request_and_says_what_to_write():
    with pytest.raises(InvalidRequest) as caught:
        local.gradients(Network.layers(linear(W1.T, B1)), X, Y, "mse")
    assert caught.value.status == 422
    assert caught.value.errors[0].pointer == "/network/layers/0/weight"
    assert "transpose it" in str(caught.value)
    assert str(caught.value).count("transpose it") == 1


@pytest.mark.parametrize("answers", [[1.0], "x", 3, np.ones(200_000)], ids=["list", "text", "number", "large array"])
def test_answers_that_are_no_object_are_refused_by_the_service(answers):
    with pytest.raises(InvalidRequest) as caught:
        local.call("grade", {"network": NETWORK, "inputs": X, "targets": Y, "loss": "mse", "answers": answers})
    assert caught.value.errors[0].pointer == "/answers"


def test_an_unknown_op_is_refused():
    with pytest.raises(InvalidRequest, match="relu"):
        local.forward(Network.layers(op("relv")), X)


def test_an_unknown_operation_is_not_found():
    with pytest.raises(NotFound, match="there is no such operation: did you mean gradients"):
        local.call("gradient", {})


def test_what_cannot_be_sent_is_a_value_error_here_too():
    with pytest.raises(ValueError, match="/inputs/0/0 is inf"):
        local.forward(NETWORK, [[np.inf, 0.0, 0.0]])
