"""Values and parameters that several steps take: shared weights, penalties, ways around a layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from chainrule.operations import run

N, WIDTH = 11, 5
RNG = np.random.default_rng(4)
W, B = RNG.normal(size=(WIDTH, WIDTH)), RNG.normal(size=WIDTH)
X, Y = RNG.normal(size=(N, WIDTH)), RNG.normal(size=(N, WIDTH))
SCALE = 2 / (N * WIDTH)
PENALTY = 0.5

Answers = dict[str, NDArray[Any]]


def shared() -> tuple[dict[str, Any], Answers, dict[str, NDArray[Any]]]:
    """w = W tanh(W x + b) + b under the mean squared error; its gradients, and what each use of W contributes."""
    nodes = [
        {"name": "u", "op": "linear", "inputs": ["x"], "weight": "W", "bias": "b"},
        {"name": "v", "op": "tanh", "inputs": ["u"]},
        {"name": "w", "op": "linear", "inputs": ["v"], "weight": "W", "bias": "b"},
    ]
    network = {"parameters": {"W": W, "b": B}, "nodes": nodes, "output": "w"}
    v = np.tanh(X @ W.T + B)
    g = SCALE * (v @ W.T + B - Y)
    into_v = g @ W
    into_u = into_v * (1 - v**2)
    uses = {"w": g.T @ v, "u": into_u.T @ X}
    answers = {"y_hat": g, "v": into_v, "W": uses["w"] + uses["u"], "b": g.sum(0) + into_u.sum(0)}
    return {"network": network, "inputs": X, "targets": Y, "loss": "mse"}, answers, uses


def penalised() -> tuple[dict[str, Any], Answers, dict[str, NDArray[Any]]]:
    """tanh(W x + b) under the mean squared error and an L2 penalty on W."""
    layers = [{"op": "linear", "weight": W, "bias": B}, {"op": "tanh"}]
    v = np.tanh(X @ W.T + B)
    g = SCALE * (v - Y)
    into_u = g * (1 - v**2)
    uses = {"data": into_u.T @ X, "penalty": 2 * PENALTY * W}
    answers = {"y_hat": g, "s1": into_u, "W1": uses["data"] + uses["penalty"], "b1": into_u.sum(0)}
    penalties = [{"op": "l2_penalty", "parameters": ["W1"], "scale": PENALTY}]
    request = {"network": {"layers": layers}, "inputs": X, "targets": Y, "loss": "mse", "penalties": penalties}
    return request, answers, uses


def around() -> tuple[dict[str, Any], Answers, dict[str, NDArray[Any]]]:
    """r = W x + b + x."""
    nodes = [
        {"name": "u", "op": "linear", "inputs": ["x"], "weight": "W", "bias": "b"},
        {"name": "r", "op": "add", "inputs": ["u", "x"]},
    ]
    network = {"parameters": {"W": W, "b": B}, "nodes": nodes, "output": "r"}
    g = SCALE * (X @ W.T + B + X - Y)
    uses = {"u": g @ W, "r": g}
    answers = {"y_hat": g, "W": g.T @ X, "b": g.sum(0), "x": uses["u"] + uses["r"]}
    return {"network": network, "inputs": X, "targets": Y, "loss": "mse"}, answers, uses


def named(request: dict[str, Any], answers: dict[str, Any]) -> list[set[tuple[str, str]]]:
    """Of each diagnosis, the mistakes and places, the either/or included."""
    reply = run("grade", {**request, "backend": "numpy", "answers": {"gradients": answers}})
    return [
        {(each["mistake"], each["at"]), *((other["mistake"], other["at"]) for other in each["either"])}
        for each in reply["diagnosis"]
    ]


@pytest.mark.parametrize("problem", [shared, penalised, around])
def test_what_is_right_is_right(problem: Any) -> None:
    request, answers, _ = problem()
    assert named(request, answers) == []


@pytest.mark.parametrize(("problem", "name"), [(shared, "W"), (penalised, "W1"), (around, "x")])
@pytest.mark.parametrize(("factor", "code"), [(2.0, "factor"), (-1.0, "sign")])
def test_a_constant_is_where_it_can_have_scaled_all_of_it(problem: Any, name: str, factor: float, code: str) -> None:
    request, answers, _ = problem()
    assert named(request, {**answers, name: factor * answers[name]}) == [{(code, name)}]


@pytest.mark.parametrize(("problem", "name"), [(shared, "W"), (penalised, "W1")])
def test_the_shape_of_a_sum(problem: Any, name: str) -> None:
    request, answers, _ = problem()
    assert named(request, {**answers, name: answers[name].T}) == [{("transposed", name)}]


def test_a_mistake_in_one_contribution_of_several() -> None:
    request, answers, uses = penalised()
    part = X[0][None, :] * (answers["s1"][0][:, None])
    assert named(request, {**answers, "W1": part + uses["penalty"]}) == [{("one_example", "W1")}]


@pytest.mark.parametrize(("problem", "name"), [(shared, "W"), (penalised, "W1"), (around, "x")])
def test_ways_back_that_are_left_out(problem: Any, name: str) -> None:
    request, answers, uses = problem()
    for found in uses.values():
        assert ("one_way", name) in named(request, {**answers, name: found})[0]


def test_a_way_back_that_is_left_out_is_charged_once() -> None:
    """r = W tanh(V x) + tanh(V x): of what comes back to the tanh, one way alone, seen in V's gradient and c's."""
    rng = np.random.default_rng(5)
    v, c = rng.normal(size=(WIDTH, WIDTH)), rng.normal(size=WIDTH)
    nodes = [
        {"name": "s", "op": "linear", "inputs": ["x"], "weight": "V", "bias": "c"},
        {"name": "a", "op": "tanh", "inputs": ["s"]},
        {"name": "u", "op": "linear", "inputs": ["a"], "weight": "W"},
        {"name": "r", "op": "add", "inputs": ["u", "a"]},
    ]
    network = {"parameters": {"V": v, "c": c, "W": W}, "nodes": nodes, "output": "r"}
    request = {"network": network, "inputs": X, "targets": Y, "loss": "mse", "backend": "numpy"}
    a = np.tanh(X @ v.T + c)
    g = SCALE * (a @ W.T + a - Y)
    for way, part in (("u alone", g @ W), ("r alone", g)):
        into_s = part * (1 - a**2)
        gradients = {"W": g.T @ a, "V": into_s.T @ X, "c": into_s.sum(0)}
        reply = run("grade", {**request, "answers": {"gradients": gradients}})
        assert [item["status"] for item in reply["items"]] == ["correct", "wrong", "correct_given_own_work"]
        (mistake,) = reply["diagnosis"]
        assert (mistake["mistake"], mistake["at"], mistake["detail"]) == ("one_way", "a", way)


PART = pytest.mark.parametrize(("factor", "code"), [(2.0, "factor"), (-1.0, "sign"), (1 / N, "factor"), (N, "factor")])


@PART
def test_a_constant_in_the_penalty_alone(factor: float, code: str) -> None:
    request, answers, uses = penalised()
    for quantities in (answers, {name: answers[name] for name in ("W1", "b1")}):
        altered = {**quantities, "W1": uses["data"] + factor * uses["penalty"]}
        (found,) = named(request, altered)
        assert found == {(code, "l2_penalty1.W1")}


@PART
def test_a_constant_in_the_loss_beside_a_penalty_is_charged_once(factor: float, code: str) -> None:
    request, answers, uses = penalised()
    altered = {"W1": factor * uses["data"] + uses["penalty"], "b1": factor * answers["b1"]}
    (found,) = named(request, altered)
    assert (code, "C") in found
    items = run("grade", {**request, "backend": "numpy", "answers": {"gradients": altered}})["items"]
    assert [item["status"] for item in items] == ["wrong", "correct_given_own_work"]


def test_an_average_beside_a_penalty_is_of_that_parameter() -> None:
    request, answers, uses = penalised()
    altered = {**answers, "W1": uses["data"] / N + uses["penalty"]}
    assert named(request, altered) == [{("averaged", "W1")}]


def test_softargmax_before_a_loss_that_has_its_own() -> None:
    rng = np.random.default_rng(5)
    classes = rng.integers(0, WIDTH, size=N)
    request = {"network": {"layers": [{"op": "linear", "weight": W, "bias": B}]}, "inputs": X, "targets": classes}
    z, t = X @ W.T + B, np.eye(WIDTH)[classes]

    def softargmax(s: NDArray[Any]) -> NDArray[Any]:
        e = np.exp(s - s.max(-1, keepdims=True))
        return np.asarray(e / e.sum(-1, keepdims=True))

    p = softargmax(z)
    loss = -np.log(softargmax(p)[np.arange(N), classes]).mean()
    by_p = (softargmax(p) - t) / N
    by_z = p * (by_p - (by_p * p).sum(-1, keepdims=True))
    for into_z in (by_p, by_z):
        gradients = {"y_hat": into_z, "W1": into_z.T @ X, "b1": into_z.sum(0)}
        answers = {"loss": loss, "gradients": gradients}
        reply = run("grade", {**request, "loss": "cross_entropy", "backend": "numpy", "answers": answers})
        assert [(each["mistake"], each["detail"]) for each in reply["diagnosis"]] == [
            ("activation_twice", "softargmax")
        ]
        assert [item["status"] for item in reply["items"]] == ["wrong", *["correct_given_own_work"] * 3]
