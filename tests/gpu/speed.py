"""How fast a device is, as ratios in one run: against the CPU, against autograd there, with a stream a thread.

Every turn ends when the device has done what it was given.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from chainrule.operations import Call, Calls
from chainrule.operations.stacks import MOST, Stack, stacks
from gpu.problems import SIZES, check, problem, square

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))  # its modules import each other by their bare names

from gradients import HOMEWORK, LARGE, autograd_grad, engine
from networks import Problem, Sizes
from networks import problem as net_of
from pairs import TOLD, Row, Turn, paired, timed

THREADS = 4


def measure(device: str, quick: bool) -> Iterator[Row]:
    """Every comparison. On the CPU it says nothing, but that all of them run."""
    yield from against_the_cpu(device, quick)
    yield from against_autograd(device, quick)
    yield stacked(device, quick)
    if device.startswith("cuda"):
        yield streams(device, quick)


def against_the_cpu(device: str, quick: bool) -> Iterator[Row]:
    """Whole requests, from the arrays of the request to those of the reply: from which size on does the device pay?"""
    for dtype in ("float64", "float32"):
        for size in (8,) if quick else SIZES:
            request = {**square(size), "dtype": dtype}
            there, here = (Calls().take("gradients", {**request, "device": each}).run for each in (device, "cpu"))
            sides = (device, timed(there, 1 if size > 256 else 10)), ("cpu", timed(here, 1 if size > 256 else 10))
            yield paired(f"request of {size} by {size}, {dtype}", *sides, TOLD, turns=3 if quick else 7)


def against_autograd(device: str, quick: bool) -> Iterator[Row]:
    """Forward and backward on tensors that are there already."""
    nets = [(HOMEWORK, "float64"), (Sizes(16, 32, 8, 16) if quick else LARGE, "float32")]
    for net in (net_of(sizes, dtype) for sizes, dtype in nets):
        ours, theirs = engine(net, "torch", device), autograd_grad(net, device)
        _check_equal(net, ours, theirs)
        times = 5 if quick else 100 if net.sizes == HOMEWORK else 10
        sides = ("engine", finished(ours, device, times)), ("autograd.grad", finished(theirs, device, times))
        yield paired(f"gradients ({net.sizes}, {net.dtype})", *sides, TOLD, turns=3 if quick else 31)


def stacked(device: str, quick: bool) -> Row:
    """Requests of one structure computed together against one after another, for one of them."""
    requests = [{**problem(seed, hidden=20, n=2, out=5, batch=10), "device": device} for seed in range(MOST)]
    calls = Calls()
    each = [calls.take("gradients", request) for request in requests]
    operation = each[0].operation
    assert stacks(operation)
    together = Stack(operation, [np.stack(arrays) for arrays in zip(*(call.arrays for call in each), strict=True)])
    for found, call in zip(together.run(), each, strict=True):
        assert found is not None
        check(found, call.run())

    def one_by_one() -> None:
        for call in each:
            call.run()

    def turn(work: Callable[[], object]) -> Turn:
        whole = timed(work, 1 if quick else 5)
        return lambda: whole() / MOST

    sides = (f"{MOST} together", turn(together.run)), ("one by one", turn(one_by_one))
    return paired("a request of 2 by 20 by 5, float64", *sides, TOLD, turns=3 if quick else 11)


def streams(device: str, quick: bool) -> Row:
    """Requests of two sizes from several threads: each on a stream of its own against all on the default one."""
    sizes = [16, 16, 16, 1024]
    calls = [Calls().take("gradients", {**square(size), "device": device}) for size in sizes]
    times = 2 if quick else 50
    own, default = (partial(_at_once, calls, times, computing) for computing in (None, torch.inference_mode))
    sides = ("a stream a thread", own), ("the default stream", default)
    return paired(f"{THREADS} threads, {' '.join(map(str, sizes))}", *sides, TOLD, turns=3 if quick else 11)


def _at_once(calls: Sequence[Call], times: int, computing: Callable[[], object] | None) -> float:
    """Seconds a request, in the context `computing`, if that is not to be the backend's own."""
    with ThreadPoolExecutor(THREADS) as threads, ExitStack() as until_the_end:
        for call in calls if computing else ():
            until_the_end.enter_context(patch.object(call.operation.prepared.xp, "computing", computing))
        started = perf_counter()
        list(threads.map(lambda number: calls[number % len(calls)].run(), range(times * len(calls))))
        return (perf_counter() - started) / (times * len(calls))


def finished(run: Callable[[], object], device: str, times: int) -> Turn:
    """A turn that does `run` so many times, and waits for the device before and after."""

    def turn() -> float:
        wait(device)
        started = perf_counter()
        for _ in range(times):
            run()
        wait(device)
        return (perf_counter() - started) / times

    return turn


def wait(device: str) -> None:
    """Until the device has done all that it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def _check_equal(net: Problem, ours: Callable[[], Sequence[Any]], theirs: Callable[[], Sequence[Any]]) -> None:
    for found, wanted in zip(ours(), theirs(), strict=True):
        scale = float(wanted.abs().max())
        torch.testing.assert_close(found, wanted, rtol=0, atol=1000 * torch.finfo(wanted.dtype).eps * scale)
