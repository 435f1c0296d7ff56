"""Want of memory: told as such, with all that the work held given back, wherever it was done."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pytest
import torch

from api.in_process import InProcess
from api.problems import FORWARD, OUTPUTS, padded
from chainrule.api import memory
from chainrule.api.memory import BUSY, Leftovers, OutOfMemory, guarded
from chainrule.operations import Call
from problem_documents import assert_problem

NEVER = 1 << 46
"""Numbers that no machine has room for."""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), OutOfMemory),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), OutOfMemory),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"), OutOfMemory),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), RuntimeError),
        (torch.OutOfMemoryError("Tried to allocate 2 GiB"), OutOfMemory),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"), OutOfMemory),
        (ValueError("out of memory"), ValueError),
    ],
)
def test_only_want_of_memory_is_told_as_such(error: Exception, told: type[Exception]) -> None:
    def work() -> None:
        raise error

    with pytest.raises(told) as raised:
        guarded(work)
    assert raised.type is told


@pytest.mark.parametrize("allocate", [lambda: torch.empty(NEVER), lambda: np.empty(NEVER)], ids=["torch", "numpy"])
def test_a_real_shortage_gives_back_what_the_work_held(allocate: Any) -> None:
    held: list[weakref.ref[Any]] = []

    def work() -> None:
        tensor = torch.zeros(1_000)
        held.append(weakref.ref(tensor))
        allocate()

    with pytest.raises(OutOfMemory) as told:
        guarded(work)
    assert held[0]() is None
    assert told.value.__context__ is None
    assert told.value.__cause__ is None


@pytest.mark.parametrize("length", [1_000, 40_000], ids=["at once", "in a thread"])
def test_a_request_that_runs_out_gets_503_and_the_next_its_answer(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As CUDA has it: an error of torch whose traceback holds tensors."""
    service, held = InProcess(), []
    run = Call.run

    def runs_out(self: Call, cancelled: Any) -> Any:
        reply = run(self, cancelled)
        tensor = torch.zeros(1_000)
        held.append(weakref.ref(tensor))
        raise torch.OutOfMemoryError(f"CUDA out of memory, {len(reply)} {tensor.sum()}")

    with monkeypatch.context() as patched:
        patched.setattr(Call, "run", runs_out)
        reply = service.post(
            "/v1/forward", content=padded(FORWARD, length), headers={"Content-Type": "application/json"}
        )
    assert_problem(reply, 503)
    assert reply.headers["Retry-After"] == "1"
    assert [each() for each in held] == [None]
    reply = service.post("/v1/forward", content=padded(FORWARD, length), headers={"Content-Type": "application/json"})
    assert reply.json()["outputs"] == OUTPUTS
    assert (service.app.workers.held, service.app.workers.running) == (0, 0)


def test_garbage_is_looked_for_in_a_small_part_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, looked = [100.0], [0]

    def collect() -> None:
        looked[0] += 1
        clock[0] += 0.5  # as long as all structures together take

    monkeypatch.setattr(memory, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(memory.gc, "collect", collect)
    leftovers = Leftovers()
    told = []
    for _ in range(200):
        told.append(leftovers.give_back(busy=True))
        clock[0] += 1.0
    assert told.count(True) == looked[0] == 2
    assert looked[0] * 0.5 <= BUSY * (clock[0] - 100.0) + 0.5
    clock[0] += 2.0
    assert leftovers.give_back(busy=False)  # nobody waits for it then
