"""Running out of a GPU's memory: told as such, all of it given back, and the next request is answered right."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import torch

from chainrule.api.memory import OutOfMemory, guarded
from chainrule.operations import run
from gpu.full_device import MIB, full
from gpu.problems import check, on_numpy, problem
from torch_device import DEVICE

pytestmark = pytest.mark.gpu


def gradients(request: dict[str, Any]) -> dict[str, Any]:
    return guarded(lambda: run("gradients", {**request, "device": DEVICE}))


def test_out_of_memory_is_told_and_the_next_request_is_right() -> None:
    small, large = problem(1), {**problem(2, hidden=8_000, n=4_000, batch=200), "wrt": ["b1", "b2"]}
    check(gradients(small), on_numpy("gradients", small))
    gc.collect()
    before = torch.cuda.memory_allocated(DEVICE)
    with full(leaving=128 * MIB):
        held = torch.cuda.memory_allocated(DEVICE)
        for _ in range(3):
            with pytest.raises(OutOfMemory):
                gradients(large)
            assert torch.cuda.memory_allocated(DEVICE) <= held + MIB
            check(gradients(small), on_numpy("gradients", small))
    assert torch.cuda.memory_allocated(DEVICE) <= before + MIB
    check(gradients(large), on_numpy("gradients", large))


def test_what_a_request_took_is_given_back() -> None:
    request = problem(3, hidden=1_000, n=1_000, batch=500)
    gradients(request)
    gc.collect()
    before = torch.cuda.memory_allocated(DEVICE)
    for _ in range(20):
        gradients(request)
    gc.collect()
    assert torch.cuda.memory_allocated(DEVICE) <= before + MIB
