"""`train`: torch.optim step for step, the five stages, accumulation, inputs that move, what is recorded and refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from chainrule.engine.trace import Cancelled
from chainrule.operations import Calls, Refused, run
from chainrule.schemas.progress import Progress

N, IN, HIDDEN, OUT, STEPS = 6, 3, 7, 5, 50
EXACT = {"rtol": 1e-10, "atol": 1e-10}
BACKENDS = pytest.mark.parametrize("backend", ["numpy", "torch"])
NAMES = ("W1", "b1", "W2", "b2")

CHOICES: dict[str, tuple[Any, float, Any]] = {
    "sgd": ("sgd", 0.3, lambda p, **how: torch.optim.SGD(p, lr=0.3, **how)),
    "momentum": (
        {"name": "sgd", "momentum": 0.9},
        0.05,
        lambda p, **how: torch.optim.SGD(p, lr=0.05, momentum=0.9, **how),
    ),
    "dampened": (
        {"name": "sgd", "momentum": 0.8, "dampening": 0.3},
        0.1,
        lambda p, **how: torch.optim.SGD(p, lr=0.1, momentum=0.8, dampening=0.3, **how),
    ),
    "nesterov": (
        {"name": "sgd", "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
        0.05,
        lambda p, **how: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01, **how),
    ),
    "decay": (
        {"name": "sgd", "weight_decay": 0.1},
        0.2,
        lambda p, **how: torch.optim.SGD(p, lr=0.2, weight_decay=0.1, **how),
    ),
    "momentum and decay": (
        {"name": "sgd", "momentum": 0.9, "weight_decay": 0.05},
        0.05,
        lambda p, **how: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.05, **how),
    ),
    "adam": ("adam", 0.02, lambda p, **how: torch.optim.Adam(p, lr=0.02, **how)),
    "adam, other options": (
        {"name": "adam", "betas": [0.8, 0.95], "eps": 1e-3, "weight_decay": 0.1},
        0.05,
        lambda p, **how: torch.optim.Adam(p, lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1, **how),
    ),
}
"""By name: the optimizer in a request, its learning rate, and torch's."""


def problem(**more: Any) -> dict[str, Any]:
    rng = np.random.default_rng(8)
    layers = [
        {"op": "linear", "weight": rng.normal(size=(HIDDEN, IN)), "bias": rng.normal(size=HIDDEN)},
        {"op": "tanh"},
        {"op": "linear", "weight": rng.normal(size=(OUT, HIDDEN)), "bias": rng.normal(size=OUT)},
    ]
    inputs, targets = rng.normal(size=(N, IN)), rng.integers(0, OUT, size=N)
    given = {"network": {"layers": layers}, "inputs": inputs, "targets": targets, "loss": "cross_entropy"}
    return {**given, "steps": STEPS, "learning_rate": 0.1, **more}


def torchs(request: dict[str, Any], moving: tuple[str, ...]) -> tuple[dict[str, torch.Tensor], Any]:
    """The leaves, those that move with gradients, and the forward pass."""
    first, _, second = request["network"]["layers"]
    held = {"W1": first["weight"], "b1": first["bias"], "W2": second["weight"], "b2": second["bias"]}
    held["x"] = request["inputs"]
    leaves = {name: torch.tensor(value, requires_grad=name in moving) for name, value in held.items()}

    def forward() -> torch.Tensor:
        hidden = torch.tanh(leaves["x"] @ leaves["W1"].T + leaves["b1"])
        return hidden @ leaves["W2"].T + leaves["b2"]

    return leaves, forward


def go_on_from(stages: Any, leaves: dict[str, torch.Tensor], theirs: torch.optim.Optimizer) -> None:
    """Put torch where our step ended. What a step rounds, the next ones would make more of, by how much no one says."""
    with torch.no_grad():
        for name in NAMES:
            leaves[name].copy_(torch.as_tensor(stages["update"]["values"][name]))
            leaves[name].grad.copy_(torch.as_tensor(stages["backward"]["accumulated"][name]))
            for kept, array in stages["update"]["state"][name].items():
                theirs.state[leaves[name]][kept].copy_(torch.as_tensor(array))


@BACKENDS
@pytest.mark.parametrize("clear", [True, False])
@pytest.mark.parametrize("choice", CHOICES)
def test_every_step_is_torchs(choice: str, clear: bool, backend: str) -> None:
    optimizer, rate, make = CHOICES[choice]
    how = {"optimizer": optimizer, "learning_rate": rate, "clear_gradients": clear}
    request = problem(backend=backend, **how)
    reply = run("train", request)
    leaves, forward = torchs(request, NAMES)
    theirs = make([leaves[name] for name in NAMES])
    targets = torch.tensor(request["targets"])
    assert [each["step"] for each in reply["recorded"]] == list(range(1, STEPS + 1))
    for number, stages in enumerate(reply["recorded"]):
        output = forward()
        loss = torch.nn.functional.cross_entropy(output, targets)
        if clear:
            theirs.zero_grad()
        before = {name: leaves[name].detach().clone() for name in NAMES}
        loss.backward()
        theirs.step()
        assert_allclose(stages["forward"]["outputs"], output.detach(), **EXACT)
        assert_allclose([stages["loss"]["loss"], reply["losses"][number]], loss.item(), **EXACT)
        for name in NAMES:
            assert_allclose(stages["backward"]["accumulated"][name], leaves[name].grad, **EXACT)
            assert_allclose(stages["update"]["values"][name], leaves[name].detach(), **EXACT)
            assert_allclose(stages["update"]["change"][name], leaves[name].detach() - before[name], **EXACT)
            for kept, array in stages["update"]["state"][name].items():
                assert_allclose(array, theirs.state[leaves[name]][kept], **EXACT)
        go_on_from(stages, leaves, theirs)
    assert_allclose(reply["outputs"], forward().detach(), **EXACT)
    assert_allclose(reply["loss"], torch.nn.functional.cross_entropy(forward(), targets).item(), **EXACT)


@BACKENDS
@pytest.mark.parametrize("choice", ["sgd", "nesterov", "adam, other options"])
def test_an_input_follows_a_logit_uphill_with_the_parameters_fixed(choice: str, backend: str) -> None:
    optimizer, rate, make = CHOICES[choice]
    upstream = np.zeros((N, OUT))
    upstream[:, 2] = 1
    request = problem(
        backend=backend, optimizer=optimizer, learning_rate=rate, wrt=["x"], upstream=upstream, maximize=True
    )
    del request["loss"], request["targets"]
    reply = run("train", request)
    leaves, forward = torchs(request, ("x",))
    theirs = make([leaves["x"]], maximize=True)
    for stages in reply["recorded"]:
        theirs.zero_grad()
        logit = forward()[:, 2].sum()
        logit.backward()
        theirs.step()
        assert_allclose(stages["loss"]["loss"], logit.item(), **EXACT)
        assert_allclose(stages["update"]["values"]["x"], leaves["x"].detach(), **EXACT)
    assert list(reply["moved"]) == ["x"]
    assert reply["loss"] > reply["losses"][0]


@BACKENDS
def test_the_stages_say_what_each_does(backend: str) -> None:
    reply = run("train", problem(backend=backend, steps=2, record=1, trace=True))
    first, second = reply["recorded"]
    assert list(first) == ["step", "forward", "loss", "clear", "backward", "update"]
    assert [entry["node"] for entry in first["forward"]["trace"]] == ["s1", "a1", "s2"]
    for stages in (first, second):
        for name in NAMES:
            assert not stages["clear"]["gradients"][name].any()
            assert_allclose(stages["update"]["change"][name], -0.1 * stages["backward"]["gradients"][name], atol=1e-15)
    assert_allclose(reply["moved"]["W1"], second["update"]["values"]["W1"])


@BACKENDS
def test_gradients_that_are_not_cleared_add_up(backend: str) -> None:
    reply = run("train", problem(backend=backend, steps=3, clear_gradients=False))
    so_far = np.zeros((HIDDEN, IN))
    for stages in reply["recorded"]:
        assert stages["clear"]["cleared"] is False
        assert_allclose(stages["clear"]["gradients"]["W1"], so_far, atol=1e-15)
        so_far = so_far + stages["backward"]["gradients"]["W1"]
        assert_allclose(stages["backward"]["accumulated"]["W1"], so_far, atol=1e-15)


@pytest.mark.parametrize(("record", "steps"), [(0, []), (1, [1, 2, 3, 4, 5]), (2, [1, 3, 5]), (100, [1])])
def test_the_first_step_and_every_so_many_th_are_recorded(record: int, steps: list[int]) -> None:
    reply = run("train", problem(backend="numpy", steps=5, record=record))
    assert [each["step"] for each in reply["recorded"]] == steps
    assert len(reply["losses"]) == 5


def test_gradients_have_the_layout_asked_for_and_values_their_own() -> None:
    request = problem(backend="numpy", steps=2, optimizer={"name": "sgd", "momentum": 0.5})
    plain, turned = run("train", request), run("train", {**request, "layout": "numerator"})
    for ours, theirs in zip(plain["recorded"], turned["recorded"], strict=True):
        assert_allclose(theirs["backward"]["gradients"]["W1"], ours["backward"]["gradients"]["W1"].T)
        assert_allclose(theirs["backward"]["gradients"]["b1"], ours["backward"]["gradients"]["b1"][None])
        kept = ours["update"]["state"]["W1"]["momentum_buffer"]
        assert_allclose(theirs["update"]["state"]["W1"]["momentum_buffer"], kept.T)
        assert_allclose(theirs["update"]["values"]["W1"], ours["update"]["values"]["W1"])


@BACKENDS
def test_a_single_example_has_no_batch_axis(backend: str) -> None:
    request = problem(backend=backend, batched=False, steps=2, wrt=["x", "W1"])
    request |= {"inputs": request["inputs"][0], "targets": int(request["targets"][0])}
    reply = run("train", request)
    stages = reply["recorded"][1]
    assert reply["outputs"].shape == (OUT,)
    assert reply["moved"]["x"].shape == stages["backward"]["gradients"]["x"].shape == (IN,)


@BACKENDS
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_scalars_descend_too(optimizer: str, backend: str) -> None:
    network = {
        "parameters": {"w": 2.0},
        "nodes": [{"name": "p", "op": "mul", "inputs": ["x", "w"]}, {"name": "s", "op": "square", "inputs": ["p"]}],
        "output": "s",
    }
    request = {"network": network, "inputs": 3.0, "batched": False, "upstream": 1.0, "backend": backend}
    reply = run("train", {**request, "steps": 3, "learning_rate": 0.01, "optimizer": optimizer})
    first = reply["recorded"][0]
    assert reply["losses"][0] == 36
    assert first["backward"]["gradients"]["w"] == 36
    assert reply["loss"] < 36
    assert np.shape(reply["moved"]["w"]) == ()


def test_what_does_not_matter_stays_and_a_penalty_pulls() -> None:
    request = problem(backend="numpy", steps=1, penalties=[{"op": "l2_penalty", "parameters": ["W2"], "scale": 3}])
    with_penalty, without = run("train", request), run("train", {**request, "penalties": []})
    change = with_penalty["recorded"][0]["update"]["change"]["W2"] - without["recorded"][0]["update"]["change"]["W2"]
    assert_allclose(change, -0.1 * 6 * request["network"]["layers"][2]["weight"], **EXACT)
    network = {**request["network"], "parameters": {"unused": [1.0, 2.0]}}
    idle = run("train", {**problem(backend="numpy", steps=2), "network": network, "wrt": ["unused"]})
    assert_allclose(idle["moved"]["unused"], [1, 2])


def test_kinks_are_told_with_their_step_and_a_warning_once() -> None:
    layers = [{"op": "linear", "weight": [[1.0]], "bias": [0.0]}, {"op": "relu"}, {"op": "sigmoid"}]
    request = {"network": {"layers": layers}, "inputs": [[0.0], [1e4]], "targets": [[0.0], [0.0]], "loss": "bce"}
    reply = run("train", {**request, "backend": "numpy", "steps": 3, "learning_rate": 0.0})
    assert reply["kink_count"] == 3
    assert [kink["step"] for kink in reply["kinks"]] == [1, 2, 3]
    assert [warning[:7] for warning in reply["warnings"]].count("step 1:") == len(reply["warnings"]) - 1
    assert any("fused" in warning or "one function" in warning for warning in reply["warnings"])


def test_a_step_that_leaves_a_functions_domain_is_named() -> None:
    layers = [{"op": "linear", "weight": [[1.0]]}, {"op": "log"}]
    request = {"network": {"layers": layers}, "inputs": [[1.0]], "upstream": [[1.0]], "backend": "numpy"}
    with pytest.raises(Refused, match=r"^/network/layers/1: at step 2: .*negative") as refused:
        run("train", {**request, "steps": 5, "learning_rate": 3})
    assert refused.value.faults[0].pointer == "/network/layers/1"
    with pytest.raises(Refused, match=r"^/network/layers/1: after the last step: "):
        run("train", {**request, "steps": 1, "learning_rate": 3})


def test_what_is_not_finite_is_told() -> None:
    request = problem(backend="numpy", steps=30, learning_rate=1e30, record=0, loss="mse", optimizer="sgd")
    request["targets"] = np.zeros((N, OUT))
    reply = run("train", request)
    assert any(warning.startswith("not finite: losses") for warning in reply["warnings"])


def test_it_tells_how_far_it_has_come_and_stops_when_told() -> None:
    seen: list[Progress] = []
    call = Calls().take("train", problem(backend="numpy", steps=4))
    reply = call.watched(seen.append).run()
    assert [(each.step, each.steps) for each in seen] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert_allclose([each.loss for each in seen], reply["losses"])
    with pytest.raises(Cancelled):
        call.watched(seen.append).run(lambda: len(seen) == 6)
    assert len(seen) == 6
