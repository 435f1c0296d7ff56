"""What a reply says of predictions and targets on which a loss means less than it seems to."""

from __future__ import annotations

import math
from typing import Any

import pytest

from chainrule.engine.backends import choose
from chainrule.engine.loss_warnings import loss_warnings
from chainrule.engine.registry import find
from chainrule.operations import Refused, run
from engine.test_fused import trace_of

BACKENDS = pytest.mark.parametrize("backend", ["numpy", "torch"])


@pytest.fixture(params=["numpy", "torch"])
def xp(request):
    return choose(request.param, "cpu", "float64")


@pytest.mark.filterwarnings("ignore:(divide by zero|overflow)")
def test_predictions_of_exactly_0_or_1_are_counted(xp):
    (warning,) = loss_warnings(trace_of(xp, find("sigmoid")(), [[40.0, 1.0, -800.0]], [[1.0, 0.0, 1.0]]))
    assert warning.startswith("2 of 3 predictions are exactly 0 or 1")
    (clamped,) = loss_warnings(trace_of(xp, find("sigmoid")(), [[40.0, 1.0]], [[1.0, 0.0]], clamp="torch"))
    assert clamped.startswith("1 of 2 predictions")


def test_nothing_is_said_of_predictions_and_targets_that_are_probabilities(xp):
    assert loss_warnings(trace_of(xp, find("sigmoid")(), [[20.0, 1.0]], [[1.0, 0.0]])) == []


@pytest.mark.filterwarnings("ignore:invalid value")
def test_predictions_that_are_no_numbers_are_not_said_to_be_0_or_1(xp):
    assert loss_warnings(trace_of(xp, find("sigmoid")(), [[math.nan, 1.0]], [[1.0, 0.0]])) == []


def loss_of(targets: Any, **more: Any) -> dict[str, Any]:
    return {"network": {"layers": [{"op": "sigmoid"}]}, "inputs": [[1.0, -1.0]], "targets": targets, **more}


@BACKENDS
@pytest.mark.parametrize("operation", ["loss", "gradients"])
@pytest.mark.parametrize("loss", ["bce", "bce_logits", {"op": "bce", "clamp": "torch"}], ids=str)
@pytest.mark.parametrize(("targets", "shown"), [([[0.5, 7.0]], "7"), ([[-1, 0]], "-1")], ids=str)
def test_targets_outside_0_and_1_are_warned_of(
    backend: str, operation: str, loss: Any, targets: Any, shown: str
) -> None:
    penalties = [{"op": "l2_penalty", "parameters": ["W"]}]
    for more in ({}, {"penalties": penalties}):
        request = loss_of(targets, loss=loss, backend=backend, **more)
        request["network"] = {**request["network"], "parameters": {"W": [1.0]}}
        (warning,) = run(operation, request)["warnings"]
        assert warning.startswith(f"1 of 2 targets are below 0 or above 1, such as {shown}: bce")


@BACKENDS
@pytest.mark.parametrize("loss", ["mse", "huber", "cross_entropy"])
def test_other_losses_take_any_targets(backend: str, loss: str) -> None:
    assert run("loss", loss_of([[0.5, 7.0]], loss=loss, backend=backend))["warnings"] == []


@BACKENDS
def test_a_negative_target_of_the_divergence_is_refused_where_it_stands(backend: str) -> None:
    request = loss_of([[1.2, -0.2]], loss="kl_div", backend=backend)
    with pytest.raises(Refused, match=r"one is -0\.2") as refused:
        run("gradients", {**request, "wrt": ["x"]})
    assert refused.value.faults[0].pointer == "/targets"
