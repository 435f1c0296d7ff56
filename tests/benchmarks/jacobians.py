"""∂ŷ/∂W₁ for every example, (N, K, a, n) contiguous: our engine against torch.func's vmap(jacrev)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from networks import Problem, Sizes, problem
from pairs import TOLD, Goal, Row, paired, timed
from torch.nn import functional

from chainrule.engine.backends import Array
from chainrule.engine.jacobian import dense, jacobian, jacobian_shape
from chainrule.engine.trace import run_forward

SIZES = Sizes(n=64, a=128, K=10, N=32)


def per_example(quick: bool) -> Iterator[Row]:
    """Forward pass included on both sides."""
    net = problem(Sizes(3, 4, 2, 5) if quick else SIZES)
    peer = vmap_jacrev(net)
    for backend, goal in (("torch", Goal("times as fast", 3)), ("numpy", TOLD)):
        ours = engine(net, backend)
        found, wanted = np.asarray(ours()), peer().numpy()
        assert found.shape == wanted.shape == (net.sizes.N, net.sizes.K, net.sizes.a, net.sizes.n)
        assert found.flags.c_contiguous
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)
        yield paired(
            f"∂ŷ/∂W₁ per example ({net.sizes}, {net.dtype})",
            (f"{backend} backend", timed(ours, 1 if quick else 5)),
            ("vmap(jacrev)", timed(lambda: peer().contiguous(), 1 if quick else 5)),
            goal,
            turns=3 if quick else 41,
        )


def engine(net: Problem, backend: str) -> Callable[[], Array]:
    """The Jacobian by the engine, in full."""
    xp, leaves = net.backend(backend)
    plan = net.plan
    of, wrt = plan.output, plan.index["W1"]

    def run() -> Array:
        with xp.inference_mode():
            found = jacobian(run_forward(plan, xp, leaves), of, wrt)
            return dense(xp, found, jacobian_shape(plan, of, wrt), 1)

    return run


def vmap_jacrev(net: Problem) -> Callable[[], torch.Tensor]:
    """The Jacobian as torch's documentation of torch.func has it."""
    tensors = {name: tensor.detach() for name, tensor in net.tensors().items()}

    def predict(weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        hidden = functional.relu(functional.linear(x, weight, tensors["b1"]))
        return functional.linear(hidden, tensors["W2"], tensors["b2"])

    per_example = torch.func.vmap(torch.func.jacrev(predict), in_dims=(None, 0))
    return lambda: per_example(tensors["W1"], tensors["x"])
