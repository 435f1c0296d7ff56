"""Each example's contribution to the gradients of all parameters, formed in full: ours against four other ways."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence

import torch
from environment import MISSING, installed
from gradients import Run, check_equal
from jacobians import SIZES
from networks import PARAMETERS, Problem, Sizes, problem
from pairs import TOLD, Goal, Row, Skipped, paired, timed
from torch.nn import functional

from chainrule.engine.backends import Array
from chainrule.engine.backward import backward_program, pull_back
from chainrule.engine.structure import Outer
from chainrule.engine.trace import run_forward


def measure(quick: bool) -> Iterator[Row | Skipped]:
    """The contributions sum to the gradient: each carries the 1/(N·K) of the mean."""
    warnings.filterwarnings("ignore", message="Full backward hook")  # BackPACK and opacus hook every module
    net = problem(Sizes(3, 4, 2, 5) if quick else SIZES)
    what, times = f"gradients per example ({net.sizes}, {net.dtype})", 1 if quick else 20
    for backend in ("torch", "numpy"):
        ours = engine(net, backend)
        for name, (package, make) in PEERS.items():
            if not installed(package):
                yield Skipped(f"{what}, {backend} backend against {name}", MISSING)
                continue
            peer = make(net)
            check_equal(ours, peer)
            goal = Goal("times as fast", 3) if backend == "torch" and package == "torch" else TOLD
            sides = (f"{backend} backend", timed(ours, times)), (name, timed(peer, times))
            yield paired(what, *sides, goal, turns=3 if quick else 41)


def engine(net: Problem, backend: str) -> Run:
    """By the engine, every outer product formed."""
    xp, leaves = net.backend(backend)
    plan, wrt = net.plan, net.wrt
    program = backward_program(plan, plan.loss or 0, wrt)

    def run() -> Sequence[Array]:
        with xp.computing():
            found = pull_back(run_forward(plan, xp, leaves), program, 1.0, keep_batch=True)
            return [part.each() if isinstance(part := found[slot], Outer) else part for slot in wrt]

    return run


def vmap_grad(net: Problem) -> Run:
    """As torch's tutorial on per-sample gradients has it."""
    tensors = {name: tensor.detach() for name, tensor in net.tensors().items()}
    parameters = tuple(tensors[name] for name in PARAMETERS)
    count = len(tensors["x"])

    def loss(parameters: tuple[torch.Tensor, ...], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        w1, b1, w2, b2 = parameters
        hidden = functional.relu(functional.linear(x, w1, b1))
        return functional.mse_loss(functional.linear(hidden, w2, b2), y) / count

    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
    return lambda: each(parameters, tensors["x"], tensors["y"])


def backpack(net: Problem) -> Run:
    """BackPACK's BatchGrad, which computes the gradients as well."""
    from backpack import backpack as extended
    from backpack import extend
    from backpack.extensions import BatchGrad

    model, x, y = _module(net)
    extend(model)
    loss = extend(torch.nn.MSELoss())

    def run() -> Sequence[torch.Tensor]:
        model.zero_grad()
        with extended(BatchGrad()):
            loss(model(x), y).backward()
        return [parameter.grad_batch for parameter in model.parameters()]

    return run


def opacus(net: Problem) -> Run:
    """opacus's GradSampleModule. With `sum` it leaves the loss's own 1/N where it is."""
    from opacus import GradSampleModule

    plain, x, y = _module(net)
    model, loss = GradSampleModule(plain, loss_reduction="sum"), torch.nn.MSELoss()

    def run() -> Sequence[torch.Tensor]:
        model.zero_grad()
        loss(model(x), y).backward()
        return [parameter.grad_sample for parameter in model.parameters()]

    return run


def by_jax(net: Problem) -> Run:
    """JAX's jit(vmap(grad))."""
    import jax_side

    return jax_side.gradients_of_each_example(net)


def _module(net: Problem) -> tuple[torch.nn.Sequential, torch.Tensor, torch.Tensor]:
    tensors, sizes = net.tensors(), net.sizes
    layers = torch.nn.Linear(sizes.n, sizes.a), torch.nn.ReLU(), torch.nn.Linear(sizes.a, sizes.K)
    model = torch.nn.Sequential(*layers).to(tensors["x"].dtype)
    with torch.no_grad():
        for parameter, name in zip(model.parameters(), PARAMETERS, strict=True):
            parameter.copy_(tensors[name])
    return model, tensors["x"], tensors["y"]


PEERS: dict[str, tuple[str, Callable[[Problem], Run]]] = {
    "vmap(grad)": ("torch", vmap_grad),
    "BackPACK, BatchGrad": ("backpack", backpack),
    "opacus, GradSampleModule": ("opacus", opacus),
    "JAX, jit(vmap(grad))": ("jax", by_jax),
}
