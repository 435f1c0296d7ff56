"""Penalties on parameters, alone and added to a loss."""

import numpy as np
import pytest
import torch

from chainrule.engine.backward import backward_program, pull_back
from chainrule.engine.errors import Unsupported
from chainrule.engine.forward_mode import push_forward
from chainrule.engine.graph import LOSS, TARGETS, Graph, Node
from chainrule.engine.ops.penalties import Total
from chainrule.engine.plan import make_plan
from chainrule.engine.registry import find, names
from chainrule.engine.trace import run_forward

SHAPES = {"x": (3,), "W": (4, 3), "b": (4,), TARGETS: (4,)}
N = 5


def plan(reduction="mean"):
    penalties = (
        Node("decay", find("l2_penalty")(scale=0.5), ("W", "b")),
        Node("lasso", find("l1_penalty")(scale=0.1), ("W",)),
    )
    loss = Node(LOSS, find("mse")(reduction=reduction), ("s", TARGETS))
    nodes = (Node("s", find("linear")(), ("x", "W", "b")),)
    return make_plan(Graph(("x",), ("W", "b"), nodes, "s", loss, penalties), SHAPES, N)


def leaves():
    rng = np.random.default_rng(0)
    return {k: rng.normal(size=shape if k in ("W", "b") else (N, *shape)) for k, shape in SHAPES.items()}


def test_the_loss_is_the_sum_and_so_is_its_gradient(xp):
    arrays, planned = leaves(), plan()
    trace = run_forward(planned, xp, {k: xp.asarray(v) for k, v in arrays.items()})
    wrt = [planned.index[k] for k in ("W", "b")]
    found = pull_back(trace, backward_program(planned, planned.loss, wrt), 1.0)

    x, W, b, y = (torch.tensor(arrays[k], requires_grad=True) for k in ("x", "W", "b", TARGETS))  # noqa: N806
    data = torch.nn.functional.mse_loss(x @ W.mT + b, y)
    total = data + 0.5 * ((W**2).sum() + (b**2).sum()) + 0.1 * W.abs().sum()
    total.backward()
    np.testing.assert_allclose(xp.to_numpy(trace.value(LOSS)), total.item(), rtol=1e-14)
    np.testing.assert_allclose(xp.to_numpy(trace.value("C.data")), data.item(), rtol=1e-14)
    for slot, wanted in zip(wrt, (W, b), strict=True):
        np.testing.assert_allclose(xp.to_numpy(found[slot]), wanted.grad.numpy(), rtol=1e-13, atol=1e-15)


def test_tangents_reach_the_sum_with_and_without_seeds(xp):
    arrays, planned = leaves(), plan()
    trace = run_forward(planned, xp, {k: xp.asarray(v) for k, v in arrays.items()})
    W, x = planned.index["W"], planned.index["x"]  # noqa: N806
    gradients = pull_back(trace, backward_program(planned, planned.loss, (W, x)), 1.0)
    rng = np.random.default_rng(1)
    of_W, of_x = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, N, 3))  # noqa: N806
    wanted = np.tensordot(of_W, xp.to_numpy(gradients[W]), 2) + np.tensordot(of_x, xp.to_numpy(gradients[x]), 2)
    seeds = push_forward(trace, {W: xp.asarray(of_W[:, None]), x: xp.asarray(of_x)}, planned.loss)
    np.testing.assert_allclose(xp.to_numpy(seeds), wanted[:, None], rtol=1e-12)
    alone = push_forward(trace, {W: xp.asarray(of_W[0]), x: xp.asarray(of_x[0])}, planned.loss)
    np.testing.assert_allclose(xp.to_numpy(alone), wanted[0], rtol=1e-12)


def test_the_sum_is_no_op_of_a_caller():
    assert Total.name not in names()


def test_a_loss_left_unreduced_takes_no_penalty():
    with pytest.raises(Unsupported, match='"reduction": "none" leaves many: write sum, mean or batchmean') as caught:
        plan("none")
    assert caught.value.where == LOSS
