"""Verification where values are awkward and the gradients right."""

from __future__ import annotations

from typing import Any

import pytest

from chainrule.engine.ops.regression import Huber
from chainrule.operations import run

BACKENDS = pytest.mark.parametrize("backend", ["numpy", "torch"])


def verified(**request: Any) -> dict[str, Any]:
    return run("gradients", {"verify": True, "wrt": "all", **request})


@BACKENDS
def test_bce_on_logits_of_0(backend: str) -> None:
    layers = [{"op": "linear", "weight": [[0, 0]], "bias": [0]}]
    request = {"network": {"layers": layers}, "inputs": [[1, 2], [3, 4]], "targets": [[1], [0.3]], "backend": backend}
    found = verified(**request, loss="bce_logits")["verification"]
    assert found["method"] == "complex_step"
    assert max(found["deviations"].values()) < 1e-14


@BACKENDS
@pytest.mark.parametrize("loss", [{"op": "huber"}, {"op": "huber", "delta": 0.2}, {"op": "smooth_l1"}], ids=str)
def test_a_jump_of_the_second_derivative_is_met_by_one_sided_differences(backend: str, loss: dict[str, Any]) -> None:
    request = {"network": {"layers": [{"op": "gelu"}]}, "inputs": [[0, 0]], "targets": [[1, 0.2]], "backend": backend}
    reply = verified(**request, loss=loss)
    assert reply["verification"]["method"] == "five_point"
    assert reply["verification"]["passed"]
    assert max(reply["verification"]["deviations"].values()) < 1e-9
    told = "verification: compared by one-sided differences at h = 1e-06, closer than the five-point rule at 0.0001"
    assert reply["warnings"] == [f"{told}: x, gelu1"]


@BACKENDS
def test_five_points_that_agree_are_not_commented_on(backend: str) -> None:
    request = {"network": {"layers": [{"op": "gelu"}]}, "inputs": [[0, 0]], "targets": [[3, 0.2]], "backend": backend}
    reply = verified(**request, loss="huber")
    assert reply["verification"]["passed"]
    assert reply["warnings"] == []


def test_one_sided_differences_do_not_make_a_wrong_gradient_right(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Huber.derivative
    monkeypatch.setattr(Huber, "derivative", lambda self, xp, saved: right(self, xp, saved) * (1 + 1e-6))
    request = {"network": {"layers": [{"op": "gelu"}]}, "inputs": [[0, 0]], "targets": [[1, 0.2]]}
    assert not verified(**request, loss="huber", backend="numpy")["verification"]["passed"]
