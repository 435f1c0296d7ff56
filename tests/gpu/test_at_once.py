"""Several threads that compute on TEST_DEVICE at once, as the service's do: each gets its own numbers, and soon."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import pytest
import torch

from chainrule.engine.backends import choose
from chainrule.operations import run
from gpu.problems import check, on_numpy, problem
from torch_device import DEVICE

THREADS, REQUESTS = 8, 200
SHAPES = [{"hidden": hidden, "batch": batch} for hidden in (7, 64, 256) for batch in (6, 33)]
CYCLES = 2_000_000_000
"""About a second."""


def test_every_thread_gets_its_own_numbers() -> None:
    wanted = [on_numpy("gradients", problem(seed, **SHAPES[seed % len(SHAPES)])) for seed in range(REQUESTS)]

    def answer(seed: int) -> None:
        found = run("gradients", {**problem(seed, **SHAPES[seed % len(SHAPES)]), "device": DEVICE})
        check(found, wanted[seed])

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(answer, range(REQUESTS)))


@pytest.mark.gpu
def test_a_short_request_does_not_wait_for_what_another_thread_computes() -> None:
    """The event loop answers short ones itself: it would stand still, and nobody would be answered."""
    request = {**problem(), "device": DEVICE}
    run("gradients", request)
    torch.cuda.synchronize(DEVICE)

    def compute_long() -> float:
        with choose("torch", DEVICE, "float64").computing():
            torch.cuda._sleep(CYCLES)
            torch.cuda.current_stream(DEVICE).synchronize()
            return perf_counter()

    with ThreadPoolExecutor(1) as thread:
        long = thread.submit(compute_long)
        for _ in range(10):
            check(run("gradients", request), on_numpy("gradients", problem()))
        answered = perf_counter()
        assert answered < long.result() - 0.1
