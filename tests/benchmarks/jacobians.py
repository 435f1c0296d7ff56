"""∂ŷ/∂W₁ for every example, (N, K, a, n) contiguous: our engine against torch's two ways and JAX's."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from environment import MISSING, installed
from networks import Problem, Sizes, problem
from pairs import TOLD, Goal, Row, Skipped, paired, timed
from torch.nn import functional

from chainrule.engine.backends import Array
from chainrule.engine.jacobian import dense, jacobian, jacobian_shape
from chainrule.engine.trace import run_forward

SIZES = Sizes(n=64, a=128, K=10, N=32)


def measure(quick: bool) -> Iterator[Row | Skipped]:
    """Forward pass included on both sides."""
    net = problem(Sizes(3, 4, 2, 5) if quick else SIZES)
    peers = {"vmap(jacrev)": vmap_jacrev(net), "functional.jacobian": functional_jacobian(net)}
    if installed("jax"):
        import jax_side

        peers["JAX, jit(vmap(jacrev))"] = jax_side.jacobian(net)
    what, times = f"∂ŷ/∂W₁ per example ({net.sizes}, {net.dtype})", 1 if quick else 5
    for backend, bound in (("torch", 3.0), ("numpy", None)):
        ours = engine(net, backend)
        for name, peer in peers.items():
            _check_equal(ours, peer, net.sizes)
            goal = Goal("times as fast", bound) if name == "vmap(jacrev)" else TOLD
            sides = (f"{backend} backend", timed(ours, times)), (name, timed(peer, times))
            yield paired(what, *sides, goal, turns=3 if quick else 41)
    if not installed("jax"):
        yield Skipped(f"{what} against JAX", MISSING)


def _check_equal(ours: Callable[[], Array], peer: Callable[[], Array], sizes: Sizes) -> None:
    found, wanted = np.asarray(ours()), np.asarray(peer())
    assert found.shape == wanted.shape == (sizes.N, sizes.K, sizes.a, sizes.n)
    assert found.flags.c_contiguous
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)


def engine(net: Problem, backend: str) -> Callable[[], Array]:
    """The Jacobian by the engine, in full."""
    xp, leaves = net.backend(backend)
    plan = net.plan
    of, wrt = plan.output, plan.index["W1"]

    def run() -> Array:
        with xp.computing():
            found = jacobian(run_forward(plan, xp, leaves), of, wrt)
            return dense(xp, found, jacobian_shape(plan, of, wrt), 1)

    return run


def vmap_jacrev(net: Problem) -> Callable[[], torch.Tensor]:
    """The Jacobian as torch's documentation of torch.func has it."""
    tensors = {name: tensor.detach() for name, tensor in net.tensors().items()}
    per_example = torch.func.vmap(torch.func.jacrev(_prediction(tensors)), in_dims=(None, 0))
    return lambda: per_example(tensors["W1"], tensors["x"]).contiguous()


def functional_jacobian(net: Problem) -> Callable[[], torch.Tensor]:
    """The Jacobian of the whole batch by torch.autograd.functional: one backward pass a component."""
    tensors = {name: tensor.detach() for name, tensor in net.tensors().items()}
    predict = _prediction(tensors)
    return lambda: torch.autograd.functional.jacobian(lambda weight: predict(weight, tensors["x"]), tensors["W1"])


def _prediction(tensors: dict[str, torch.Tensor]) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    def predict(weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        hidden = functional.relu(functional.linear(x, weight, tensors["b1"]))
        return functional.linear(hidden, tensors["W2"], tensors["b2"])

    return predict
