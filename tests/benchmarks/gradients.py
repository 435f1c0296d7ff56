"""Forward and backward in process: our engine against torch autograd and JAX on the same net.

Beside them, as information, our engine against the same written out by hand on the same backend: a ratio of 1 would be
an engine that costs nothing, and no engine on that backend is as many times faster than autograd as the code by hand
is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from by_hand import by_hand
from environment import MISSING, installed
from networks import PARAMETERS, Problem, Sizes, planned, problem
from numpy.typing import NDArray
from pairs import TOLD, Goal, Row, Skipped, paired, timed
from torch.nn import functional

from chainrule.engine.backends import Array
from chainrule.engine.backward import backward_program, pull_back
from chainrule.engine.plan import Plan
from chainrule.engine.trace import run_forward

HOMEWORK = Sizes(n=2, a=20, K=5, N=10)
LARGE = Sizes(n=1024, a=4096, K=1024, N=1024)

Run = Callable[[], Sequence[Array]]


def measure(quick: bool) -> Iterator[Row | Skipped]:
    """The homework's net, float64, all overhead; a large float32 net, all matrix products.

    Plans are kept between requests, so making one is not counted.
    """
    net = problem(HOMEWORK)
    yield from _unseen(net, 2 if quick else 9)
    for backend, bound in (("torch", 2.3), ("numpy", 4.5)):
        yield from _compared("gradients", net, backend, bound, turns=3 if quick else 101, times=5 if quick else 200)
    net = problem(Sizes(64, 128, 64, 64) if quick else LARGE, "float32")
    yield from _compared("large net", net, "torch", 0.9, turns=3 if quick else 9, times=1)


def _compared(what: str, net: Problem, backend: str, bound: float, turns: int, times: int) -> Iterator[Row | Skipped]:
    what, own = f"{what} ({net.sizes}, {net.dtype})", f"{backend} backend"
    ours, goal = engine(net, backend), Goal("times as fast", bound)

    def against(name: str, peer: Run, goal: Goal) -> Row:
        check_equal(ours, peer)
        return paired(what, (own, timed(ours, times)), (name, timed(peer, times)), goal, turns)

    yield against("autograd.grad", autograd_grad(net), goal)
    yield against("loss.backward", loss_backward(net), goal)
    if installed("jax"):
        import jax_side

        yield against("JAX, jit(grad)", jax_side.gradients(net), TOLD)
    else:
        yield Skipped(f"{what}, {own} against JAX", MISSING)
    yield against(f"{backend} by hand", by_hand(net, backend), TOLD)
    hand, autograd = timed(by_hand(net, backend), times), timed(autograd_grad(net), times)
    yield paired(what, (f"{backend} by hand", hand), ("autograd.grad", autograd), TOLD, turns)


def _unseen(net: Problem, turns: int) -> Iterator[Row | Skipped]:
    """The first gradients of a net: planned, or compiled, and computed."""
    what = f"first gradients of a new net ({net.sizes}, {net.dtype})"
    if not installed("jax"):
        yield Skipped(f"{what} against JAX", MISSING)
        return
    import jax_side

    for backend in ("torch", "numpy"):
        ours, peer = (lambda: engine(net, backend, plan=planned(net.sizes))()), jax_side.compiled_anew(net)  # noqa: B023
        check_equal(ours, peer)
        yield paired(what, (f"{backend} backend", timed(ours, 1)), ("JAX, jit(grad)", timed(peer, 1)), TOLD, turns)


def check_equal(ours: Run, peer: Run) -> None:
    """Raises AssertionError where the two sides do not compute the same numbers."""
    for found, wanted in zip(ours(), peer(), strict=True):
        _check_close(np.asarray(found), np.asarray(wanted))


def _check_close(found: NDArray[Any], wanted: NDArray[Any]) -> None:
    """To 1000 spacings of the dtype, by the norm: sums of thousands of terms differ in their order, and among millions
    of units one is so near its kink that the last digit decides."""
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    difference = np.linalg.norm(found - wanted) / np.linalg.norm(wanted)
    assert difference <= 1000 * np.finfo(wanted.dtype).eps, difference


def engine(net: Problem, backend: str, device: str = "cpu", plan: Plan | None = None) -> Run:
    """The gradients with respect to all parameters, by the engine."""
    xp, leaves = net.backend(backend, device)
    plan, wrt = plan or net.plan, net.wrt
    program = backward_program(plan, plan.loss or 0, wrt)

    def run() -> Sequence[Array]:
        with xp.computing():
            found = pull_back(run_forward(plan, xp, leaves), program, 1.0)
        return [found[slot] for slot in wrt]

    return run


def forward(leaves: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """The loss as one writes it with torch.nn.functional."""
    hidden = functional.relu(functional.linear(leaves["x"], leaves["W1"], leaves["b1"]))
    return functional.mse_loss(functional.linear(hidden, leaves["W2"], leaves["b2"]), leaves["y"])


def autograd_grad(net: Problem, device: str = "cpu") -> Run:
    """The same by torch.autograd.grad."""
    leaves = net.tensors(device)
    parameters = [leaves[name] for name in PARAMETERS]
    return lambda: torch.autograd.grad(forward(leaves), parameters)


def loss_backward(net: Problem) -> Run:
    """The same by loss.backward(), gradients cleared to None before, as optimizers do."""
    leaves = net.tensors()
    parameters = [leaves[name] for name in PARAMETERS]

    def run() -> Sequence[torch.Tensor]:
        for parameter in parameters:
            parameter.grad = None
        forward(leaves).backward()
        return [parameter.grad for parameter in parameters if parameter.grad is not None]

    return run
