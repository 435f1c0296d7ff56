"""Where the request leaves the device open: the CPU for small ones, whatever else there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

from chainrule.operations import Calls
from gpu.problems import square


@pytest.fixture(autouse=True)
def machine_with_a_gpu() -> Iterator[None]:
    with patch("chainrule.operations.device_choice.has_gpu", return_value=True):
        yield


def chosen(operation: str, request: dict[str, Any]) -> str:
    return Calls().take(operation, request).operation.prepared.request.device


@pytest.mark.parametrize(("size", "device"), [(16, "cpu"), (64, "cpu"), (256, "auto"), (1024, "auto")])
def test_a_gpu_computes_from_a_size_on(size: int, device: str) -> None:
    assert chosen("gradients", square(size)) == device


def test_many_small_steps_stay_small() -> None:
    training = {"steps": 100, "learning_rate": 0.1}
    assert chosen("train", {**square(16), **training}) == "cpu"


def test_a_jacobian_of_many_outputs_at_once_is_large() -> None:
    problem = {name: value for name, value in square(64).items() if name not in ("loss", "targets")}
    assert chosen("jacobians", {**problem, "pairs": [{"of": "y_hat", "wrt": "x"}]}) == "auto"


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "cpu"])
def test_a_device_that_is_asked_for_is_taken(device: str) -> None:
    assert chosen("gradients", {**square(16), "device": device}) == device


def test_numpy_has_no_choice() -> None:
    assert chosen("gradients", {**square(16), "backend": "numpy"}) == "auto"
