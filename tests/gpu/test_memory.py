"""Running out of a GPU's memory: told as such, all of it given back, and the next request is answered right."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from chainrule.api.memory import OutOfMemory, guarded
from chainrule.operations import run
from gpu.problems import check, on_numpy, problem
from torch_device import DEVICE

pytestmark = pytest.mark.gpu

MIB = 2**20


@contextmanager
def full(leaving: int) -> Iterator[None]:
    """All of the device's memory taken, but for so many bytes."""
    held, size = [], 1024 * MIB
    torch.cuda.empty_cache()
    while size >= 16 * MIB:
        try:
            held.append(torch.empty(size, dtype=torch.uint8, device=DEVICE))
        except torch.cuda.OutOfMemoryError:
            size //= 2
    while held and _free() < leaving:
        held.pop()
        torch.cuda.empty_cache()
    try:
        yield
    finally:
        held.clear()
        torch.cuda.empty_cache()


def _free() -> int:
    return torch.cuda.mem_get_info(torch.device(DEVICE))[0]


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
