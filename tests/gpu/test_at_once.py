"""Several threads that compute on TEST_DEVICE at once, as the service's do: no number of one gets into another's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext

import pytest
import torch

from chainrule.operations import run
from gpu.problems import check, on_numpy, problem
from torch_device import DEVICE

THREADS, REQUESTS = 8, 200
SHAPES = [{"hidden": hidden, "batch": batch} for hidden in (7, 64, 256) for batch in (6, 33)]


def a_stream_of_its_own() -> AbstractContextManager[object]:
    return torch.cuda.stream(torch.cuda.Stream(DEVICE))


@pytest.mark.parametrize(
    "stream", [nullcontext, pytest.param(a_stream_of_its_own, marks=pytest.mark.gpu)], ids=["default", "its own"]
)
def test_every_thread_gets_its_own_numbers(stream: type[AbstractContextManager[object]]) -> None:
    wanted = [on_numpy("gradients", problem(seed, **SHAPES[seed % len(SHAPES)])) for seed in range(REQUESTS)]

    def answer(seed: int) -> None:
        with stream():
            found = run("gradients", {**problem(seed, **SHAPES[seed % len(SHAPES)]), "device": DEVICE})
        check(found, wanted[seed])

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(answer, range(REQUESTS)))
