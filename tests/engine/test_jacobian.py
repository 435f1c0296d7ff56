"""Jacobians keep the structure of the chain, and come out contiguous in the shape that was announced."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from chainrule.engine.backends import choose
from chainrule.engine.graph import LOSS, TARGETS, Graph, Node
from chainrule.engine.jacobian import dense, jacobian, jacobian_shape, pushes
from chainrule.engine.op import Op
from chainrule.engine.ops.arithmetic import Add, Mul, Scale
from chainrule.engine.ops.linear import Linear
from chainrule.engine.ops.reductions import Sum
from chainrule.engine.ops.sigmoids import Sigmoid, Tanh
from chainrule.engine.ops.softmax import Softargmax
from chainrule.engine.plan import make_plan
from chainrule.engine.registry import find
from chainrule.engine.structure import Dense, Diagonal, OuterJacobian
from chainrule.engine.trace import run_forward

BATCH = 3


class Net:
    """A network of `name: (op, *inputs)`, run on random numbers. Inputs are called x…, parameters anything else."""

    def __init__(self, nodes: dict[str, tuple[Op, *tuple[str, ...]]], loss: Op | None = None, **shapes):
        output = list(nodes)[-1]
        graph = Graph(
            inputs=tuple(name for name in shapes if name[0] == "x"),
            parameters=tuple(name for name in shapes if name[0] not in "xy"),
            nodes=tuple(Node(name, op, tuple(inputs)) for name, (op, *inputs) in nodes.items()),
            output=output,
            loss=None if loss is None else Node(LOSS, loss, (output, TARGETS)),
        )
        self.plan, self.xp = make_plan(graph, shapes, BATCH), choose("numpy", "cpu", "float64")
        rng = np.random.default_rng(0)
        leaves = {name: rng.standard_normal(self.plan.full_shape(self.plan.index[name])) for name in shapes}
        self.trace = run_forward(self.plan, self.xp, leaves)
        self.tensors = {name: torch.from_numpy(array) for name, array in leaves.items()}

    def jacobian(self, of, wrt):
        return jacobian(self.trace, self.plan.index[of], self.plan.index[wrt])

    def dense(self, of, wrt):
        target, source = self.plan.index[of], self.plan.index[wrt]
        full = jacobian_shape(self.plan, target, source)
        found = dense(self.xp, self.jacobian(of, wrt), full, len(self.plan.slots[target].shape))
        assert found.shape == full
        assert found.flags.c_contiguous
        return found


def by_torch(function, *tensors, by=0, batched=(0,)):
    """The Jacobian of a function of one example by its argument `by`, mapped over the batch."""
    axes = tuple(0 if i in batched else None for i in range(len(tensors)))
    return torch.func.vmap(torch.func.jacrev(function, argnums=by), in_dims=axes)(*tensors).numpy()


def test_a_chain_of_elementwise_ops_is_diagonal():
    net = Net(
        {"a": (Tanh(), "x"), "c": (Scale(factor=-2.0), "a"), "d": (Add(), "c", "p"), "e": (Mul(), "d", "p")},
        x=(2, 3),
        p=(2, 3),
    )
    x, p = net.tensors["x"], net.tensors["p"]
    for wrt, by in (("x", 0), ("p", 1)):
        assert isinstance(net.jacobian("e", wrt), Diagonal)
        wanted = by_torch(lambda x, p: (-2 * torch.tanh(x) + p) * p, x, p, by=by)
        np.testing.assert_allclose(net.dense("e", wrt), wanted, rtol=0, atol=1e-14)


def test_diagonals_that_meet_again_add_up():
    net = Net({"a": (Tanh(), "x"), "m": (Mul(), "a", "x"), "h": (Add(), "m", "x", "a")}, x=(4,))
    found = net.jacobian("h", "x")
    x = net.tensors["x"].numpy()
    assert isinstance(found, Diagonal)
    slope = 1 - np.tanh(x) ** 2
    np.testing.assert_allclose(found.diagonal, slope * x + np.tanh(x) + 1 + slope, rtol=1e-13)


def test_a_diagonal_and_a_full_one_add_up_in_full():
    net = Net({"a": (Tanh(), "x"), "p": (Softargmax(), "x"), "h": (Add(), "a", "p")}, x=(4,))
    assert isinstance(net.jacobian("h", "x"), Dense)
    wanted = by_torch(lambda x: torch.tanh(x) + torch.softmax(x, -1), net.tensors["x"])
    np.testing.assert_allclose(net.dense("h", "x"), wanted, rtol=0, atol=1e-14)


@pytest.fixture(scope="module")
def layers():
    """Two layers and a loss."""
    nodes = {
        "s1": (Linear(), "x", "W1", "b1"),
        "a1": (Tanh(), "s1"),
        "s2": (Linear(), "a1", "W2"),
        "q": (Sigmoid(), "s2"),
    }
    return Net(nodes, find("squared_error")(), x=(4,), W1=(5, 4), b1=(5,), W2=(2, 5), y=(2,))


def forward(x, w1, b1, w2):
    return torch.sigmoid(torch.tanh(x @ w1.mT + b1) @ w2.mT)


@pytest.mark.parametrize("wrt", ["W1", "W2"])
def test_a_weights_jacobian_is_an_outer_product_with_its_input(layers, wrt):
    found = layers.jacobian("q", wrt)
    assert isinstance(found, OuterJacobian)
    rows, columns = layers.plan.slots[layers.plan.index[wrt]].shape
    assert found.left.shape == (BATCH, 2, rows)
    assert found.right is layers.trace.value("x" if wrt == "W1" else "a1")
    assert found.right.shape == (BATCH, columns)
    arguments = [layers.tensors[name] for name in ("x", "W1", "b1", "W2")]
    wanted = by_torch(forward, *arguments, by=1 if wrt == "W1" else 3)
    np.testing.assert_allclose(layers.dense("q", wrt), wanted, rtol=0, atol=1e-14)


def test_a_shared_weights_jacobian_is_the_sum():
    net = Net({"s": (Linear(), "x", "W"), "a": (Tanh(), "s"), "t": (Linear(), "a", "W")}, x=(3,), W=(3, 3))
    assert isinstance(net.jacobian("t", "W"), Dense)
    wanted = by_torch(lambda x, w: torch.tanh(x @ w.mT) @ w.mT, net.tensors["x"], net.tensors["W"], by=1)
    np.testing.assert_allclose(net.dense("t", "W"), wanted, rtol=0, atol=1e-13)


def test_it_is_zero_where_there_is_no_dependence():
    net = Net(
        {"a": (Tanh(), "x"), "g": (Scale(factor=2.0), "V"), "s": (Linear(), "x", "W"), "h": (Tanh(), "a")},
        x=(3,),
        V=(2, 2),
        W=(2, 3),
    )
    for of, wrt, shape in (
        ("h", "V", (BATCH, 3, 2, 2)),
        ("a", "s", (BATCH, 3, 2)),
        ("a", "h", (BATCH, 3, 3)),
        ("g", "W", (2, 2, 2, 3)),
        ("g", "x", (BATCH, 2, 2, 3)),
    ):
        found = net.dense(of, wrt)
        assert found.shape == shape
        assert not found.any()


def test_of_the_loss_it_is_the_gradient_of_every_example(layers):
    error = layers.trace.value("q") - layers.trace.value(TARGETS)
    np.testing.assert_allclose(layers.dense(LOSS, "q"), 2 * error, rtol=1e-14)
    assert layers.dense(LOSS, "x").shape == (BATCH, 4)
    arguments = [layers.tensors[name] for name in ("x", "W1", "b1", "W2")]

    def loss(*arguments):
        return ((forward(*arguments) - layers.tensors[TARGETS]) ** 2).sum()

    for by, name in enumerate(("x", "W1", "b1", "W2")):
        wanted = torch.func.grad(loss, argnums=by)(*arguments)
        np.testing.assert_allclose(layers.dense(LOSS, name), wanted, rtol=0, atol=1e-14)
    assert layers.dense(LOSS, LOSS) == 1


def test_of_a_value_by_itself_it_is_the_identity(layers):
    np.testing.assert_array_equal(layers.dense("s2", "s2"), np.broadcast_to(np.eye(2), (BATCH, 2, 2)))
    np.testing.assert_array_equal(layers.dense("W2", "W2").reshape(10, 10), np.eye(10))


def test_examples_that_share_a_jacobian_each_have_it(layers):
    weight = layers.tensors["W2"].numpy()
    np.testing.assert_array_equal(layers.dense("s2", "a1"), np.broadcast_to(weight, (BATCH, 2, 5)))


def test_what_has_fewer_components_is_pushed_forward():
    net = Net({"m": (Mul(), "x", "t"), "a": (Tanh(), "m"), "z": (Sum(), "a")}, x=(4,), t=())
    index = net.plan.index
    assert pushes(net.plan, index["a"], index["t"])
    assert not pushes(net.plan, index["z"], index["x"])
    x, t = net.tensors["x"], net.tensors["t"]
    wanted = by_torch(lambda x, t: torch.tanh(x * t), x, t, by=1)
    np.testing.assert_allclose(net.dense("a", "t"), wanted, rtol=0, atol=1e-14)
    wanted = by_torch(lambda x, t: torch.tanh(x * t).sum(), x, t)
    np.testing.assert_allclose(net.dense("z", "x"), wanted, rtol=0, atol=1e-14)
