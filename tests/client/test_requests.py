"""Each method sends the contract's request."""

import json

import httpx
import numpy as np
import pytest

from chainrule_client import Network, identity, linear, loss, relu
from chainrule_client.requests import pairs_on_the_wire

NETWORK = Network.layers(linear([[1.0, 2.0]], [0.5]), relu(), identity())
X, Y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0], [0.0]])
SHARED = {"batched": True, "layout": "torch", "dtype": "float64", "device": "auto"}


def answer(_):
    return httpx.Response(200, json={"warnings": [], "meta": {}})


def body(call):
    (request,) = call.sent
    assert request.headers["content-type"] == "application/json"
    return request.method, request.url.path, json.loads(request.content)


def test_gradients(call):
    call(answer, "gradients", NETWORK, X, Y, "mse", ["W1", "x"], per_example=True, layout="numerator")
    assert body(call) == (
        "POST",
        "/v1/gradients",
        {
            **SHARED,
            "network": NETWORK.spec,
            "inputs": X.tolist(),
            "targets": Y.tolist(),
            "loss": "mse",
            "wrt": ["W1", "x"],
            "per_example": True,
            "steps": False,
            "verify": False,
            "layout": "numerator",
        },
    )


def test_gradients_of_an_upstream_send_no_loss(call):
    call(answer, "gradients", NETWORK, {"x": X}, upstream=Y, wrt="all", batched=False, backend="numpy")
    assert body(call)[2] == {
        **SHARED,
        "network": NETWORK.spec,
        "inputs": {"x": X.tolist()},
        "upstream": Y.tolist(),
        "wrt": "all",
        "per_example": False,
        "steps": False,
        "verify": False,
        "batched": False,
        "backend": "numpy",
    }


def test_forward(call):
    call(answer, "forward", NETWORK.spec, X, trace=True)
    assert body(call) == (
        "POST",
        "/v1/forward",
        {**SHARED, "network": NETWORK.spec, "inputs": X.tolist(), "trace": True},
    )


def test_loss(call):
    penalties = [{"op": "l2_penalty", "parameters": ["W1"], "scale": 0.5}]
    call(answer, "loss", NETWORK, X, Y, loss("mse", scale=0.5), per_example=True, penalties=penalties, device="cuda:1")
    assert body(call) == (
        "POST",
        "/v1/loss",
        {
            **SHARED,
            "network": NETWORK.spec,
            "inputs": X.tolist(),
            "targets": Y.tolist(),
            "loss": {"op": "mse", "scale": 0.5},
            "penalties": penalties,
            "per_example": True,
            "device": "cuda:1",
        },
    )


def test_jacobians(call):
    call(answer, "jacobians", NETWORK, X, ["y_hat/W1", ("y_hat", "x")], form="structured")
    assert body(call) == (
        "POST",
        "/v1/jacobians",
        {
            **SHARED,
            "network": NETWORK.spec,
            "inputs": X.tolist(),
            "pairs": [{"of": "y_hat", "wrt": "W1"}, {"of": "y_hat", "wrt": "x"}],
            "form": "structured",
        },
    )


def test_validate(call):
    call(answer, "validate", NETWORK, X, Y, "mse")
    assert body(call) == (
        "POST",
        "/v1/validate",
        {**SHARED, "network": NETWORK.spec, "inputs": X.tolist(), "targets": Y.tolist(), "loss": "mse"},
    )


def test_any_operation_is_sent_as_it_stands(call):
    request = {"network": {"layers": [{"op": "identity"}]}, "inputs": [1], "targets": None, "unknown": True}
    call(answer, "call", "train", request)
    assert body(call) == ("POST", "/v1/train", request)


@pytest.mark.parametrize(
    ("method", "args", "path"),
    [("ops", (), "/v1/ops"), ("op", ("add",), "/v1/ops/add"), ("info", (), "/v1/info")],
)
def test_catalogue_and_info(call, method, args, path):
    told = {"op": "add", "curve": None}
    assert call(lambda _: httpx.Response(200, json=told), method, *args) == told
    assert (call.sent[0].method, call.sent[0].url.path) == ("GET", path)


def test_the_curve_of_an_op_comes_as_arrays(call):
    curve = {"x": [-1, 1], "value": [0, 1], "derivative": [0, 1], "kinks": []}
    found = call(lambda _: httpx.Response(200, json={"op": "relu", "curve": curve}), "op", "relu")
    assert np.array_equal(found["curve"]["value"], [0.0, 1.0])
    assert found["curve"]["kinks"].shape == (0,)


def test_an_op_of_an_odd_name_stays_one_segment_of_the_path(call):
    call(lambda _: httpx.Response(200, json={}), "op", "../info?x")
    assert call.sent[0].url.raw_path == b"/v1/ops/..%2Finfo%3Fx"


def test_the_base_url_may_have_a_path(call):
    call(answer, "forward", NETWORK, X, settings={"base_url": "http://host/chain/"})
    assert str(call.sent[0].url) == "http://host/chain/v1/forward"


def test_url_and_key_come_from_the_environment(call, monkeypatch):
    monkeypatch.setenv("CHAINRULE_URL", "http://elsewhere:9")
    monkeypatch.setenv("CHAINRULE_API_KEY", "k1")
    call(answer, "forward", NETWORK, X, settings={"base_url": None})
    assert str(call.sent[0].url) == "http://elsewhere:9/v1/forward"
    assert call.sent[0].headers["Authorization"] == "Bearer k1"


def test_arguments_go_before_the_environment(call, monkeypatch):
    monkeypatch.setenv("CHAINRULE_API_KEY", "k1")
    call(answer, "forward", NETWORK, X, settings={"api_key": "k2"})
    assert call.sent[0].headers["Authorization"] == "Bearer k2"


def test_a_key_may_have_been_read_with_the_end_of_its_line(call, monkeypatch):
    call(answer, "forward", NETWORK, X, settings={"api_key": " k1\n"})
    monkeypatch.setenv("CHAINRULE_API_KEY", "k1\r\n")
    call(answer, "forward", NETWORK, X)
    assert [request.headers["Authorization"] for request in call.sent] == ["Bearer k1"] * 2


@pytest.mark.parametrize("key", ["secret\nkey", "secret\x00key", "secretükey"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(call, key):
    with pytest.raises(ValueError, match="the API key") as refused:
        call(answer, "forward", NETWORK, X, settings={"api_key": key})
    assert "secret" not in str(refused.value)
    assert call.sent == []


def test_without_a_key_none_is_sent(call):
    call(answer, "forward", NETWORK, X)
    assert "Authorization" not in call.sent[0].headers


def test_single_precision_arrays_take_half_the_digits_when_the_service_computes_in_it(call):
    x = np.array([[0.1, 0.2]], dtype=np.float32)
    call(answer, "forward", NETWORK, x, dtype="float32")
    assert b'"inputs":[[0.1,0.2]]' in call.sent[0].content


def test_a_number_that_is_not_finite_is_refused_before_anything_is_sent(call):
    with pytest.raises(ValueError, match="/inputs/0/1 is nan"):
        call(answer, "forward", NETWORK, [[1.0, float("nan")]])
    assert call.sent == []


@pytest.mark.parametrize("pairs", ["y_hat/W1", ["y_hat/W1"], [("y_hat", "W1")], {"of": "y_hat", "wrt": "W1"}])
def test_a_pair_may_be_written_in_several_ways(pairs):
    assert pairs_on_the_wire(pairs) == [{"of": "y_hat", "wrt": "W1"}]


@pytest.mark.parametrize("pairs", ["y_hat", [("y_hat",)], [("a", "b", "c")]])
def test_what_is_no_pair_is_refused(pairs):
    with pytest.raises(ValueError, match="is not a pair"):
        pairs_on_the_wire(pairs)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (None, "answers want an object"),
        ([1], "answers want an object"),
        ({1: 2}, "1 is no quantity"),
        ({"los": 2}, "'los' is no quantity"),
    ],
)
def test_answers_that_are_none_are_refused_before_anything_is_sent(call, answers, said):
    with pytest.raises(ValueError, match=said):
        call(answer, "grade", {"problem": "nyu-hw1/1.2b", "seed": 1}, answers)
    assert call.sent == []


@pytest.mark.parametrize("given", [linear([[1.0]]), [linear([[1.0]]), relu()], (relu(),)])
def test_layers_are_no_network(call, given):
    with pytest.raises(ValueError, match=r"write Network.layers\(…\)"):
        call(answer, "forward", given, X)


def test_the_name_of_a_problem_is_no_problem(call):
    with pytest.raises(ValueError, match=r'{"problem": "set/problem", "seed": 7}'):
        call(answer, "grade", "nyu-hw1/1.2b", {"loss": 1})
