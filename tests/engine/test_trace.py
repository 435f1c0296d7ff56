"""A trace is a record: nothing changes it, and passes over it can be repeated and stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from chainrule.engine.backends import choose
from chainrule.engine.backward import backward_program, pull_back
from chainrule.engine.errors import DomainError
from chainrule.engine.forward_mode import push_forward
from chainrule.engine.graph import Graph, Node
from chainrule.engine.jacobian import jacobian
from chainrule.engine.ops.arithmetic import Add, Mul
from chainrule.engine.ops.linear import Linear
from chainrule.engine.ops.rectifiers import Identity
from chainrule.engine.ops.sigmoids import Tanh
from chainrule.engine.ops.softmax import Softargmax
from chainrule.engine.plan import make_plan
from chainrule.engine.trace import Cancelled, run_forward

BACKENDS = pytest.mark.parametrize("backend", ["numpy", "torch"])


def branching(backend):
    """A trace with fan-out and a shared weight, and the arrays that it was given."""
    nodes = (
        Node("s", Linear(), ("x", "W", "b")),
        Node("a", Tanh(), ("s",)),
        Node("t", Linear(), ("a", "W", "b")),
        Node("m", Mul(), ("a", "t")),
        Node("h", Add(), ("m", "x", "t")),
        Node("p", Softargmax(), ("h",)),
    )
    plan = make_plan(Graph(("x",), ("W", "b"), nodes, "p"), {"x": (3,), "W": (3, 3), "b": (3,)}, batch=4)
    rng, xp = np.random.default_rng(0), choose(backend, "cpu", "float64")
    leaves = {name: xp.asarray(rng.standard_normal(plan.full_shape(plan.index[name]))) for name in ("x", "W", "b")}
    return run_forward(plan, xp, leaves), leaves


def gradients(trace, seed=1):
    """The cotangents of every slot, as NumPy arrays."""
    plan, xp = trace.plan, trace.xp
    cotangent = xp.asarray(np.random.default_rng(seed).standard_normal(plan.full_shape(plan.output)))
    found = pull_back(trace, backward_program(plan, plan.output, range(len(plan.slots))), cotangent)
    return {slot: xp.to_numpy(part).copy() for slot, part in found.items()}


@BACKENDS
def test_a_backward_pass_can_be_repeated(backend):
    trace, _ = branching(backend)
    first = gradients(trace)
    gradients(trace, seed=2)
    jacobian(trace, trace.plan.output, trace.plan.index["W"])
    again = gradients(trace)
    assert first.keys() == again.keys() == set(range(len(trace.plan.slots)))
    for slot, found in first.items():
        assert np.array_equal(found, again[slot])


@BACKENDS
def test_no_pass_changes_a_value(backend):
    trace, leaves = branching(backend)
    held = [*trace.values, *leaves.values()]
    before = [trace.xp.to_numpy(value).copy() for value in held]
    gradients(trace)
    for name in ("x", "W"):
        jacobian(trace, trace.plan.output, trace.plan.index[name])
    push_forward(trace, {trace.plan.index["x"]: leaves["x"]}, trace.plan.output)
    for value, old in zip(held, before, strict=True):
        assert np.array_equal(trace.xp.to_numpy(value), old)


def test_a_trace_cannot_be_changed():
    trace, _ = branching("numpy")
    with pytest.raises(AttributeError):
        trace.values = ()
    with pytest.raises(TypeError):
        trace.values[0] = None
    with pytest.raises(AttributeError):
        trace.points[0].output = None


def test_values_are_found_by_name():
    trace, leaves = branching("numpy")
    assert trace.value("x") is leaves["x"]
    np.testing.assert_allclose(trace.value("a"), np.tanh(leaves["x"] @ leaves["W"].T + leaves["b"]), rtol=1e-14)


@dataclass(frozen=True)
class Watched(Identity):
    """An identity that says when it runs."""

    calls: ClassVar[list[str]] = []

    def forward(self, xp, *inputs):
        self.calls.append("forward")
        return super().forward(xp, *inputs)

    def vjp(self, xp, cotangent, at, wanted):
        self.calls.append("vjp")
        return super().vjp(xp, cotangent, at, wanted)

    def jvp(self, xp, tangents, at):
        self.calls.append("jvp")
        return super().jvp(xp, tangents, at)


class After:
    """A check that says stop from its third call on."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return self.calls > 2


def test_work_stops_between_two_nodes_when_cancelled():
    names = [f"n{i}" for i in range(5)]
    nodes = tuple(Node(name, Watched(), (of,)) for name, of in zip(names, ["x", *names], strict=False))
    plan, xp = make_plan(Graph(("x",), (), nodes, "n4"), {"x": (2,)}, batch=1), choose("numpy", "cpu", "float64")
    x, leaves = plan.index["x"], {"x": np.ones((1, 2))}
    trace = run_forward(plan, xp, leaves)
    program = backward_program(plan, plan.output, (x,))
    for kind, work in {
        "forward": lambda stop: run_forward(plan, xp, leaves, stop),
        "vjp": lambda stop: pull_back(trace, program, np.ones((1, 2)), cancelled=stop),
        "jvp": lambda stop: push_forward(trace, {x: np.ones((1, 2))}, plan.output, cancelled=stop),
    }.items():
        Watched.calls.clear()
        with pytest.raises(Cancelled):
            work(After())
        assert Watched.calls == [kind, kind]


@dataclass(frozen=True)
class Refusing(Identity):
    """An op whose domain is empty."""

    def forward(self, xp, *inputs):
        raise DomainError("no value is in the domain")


def test_a_value_outside_the_domain_names_the_node():
    plan = make_plan(Graph(("x",), (), (Node("p", Refusing(), ("x",)),), "p"), {"x": ()}, batch=1)
    with pytest.raises(DomainError) as caught:
        run_forward(plan, choose("numpy", "cpu", "float64"), {"x": np.ones(1)})
    assert caught.value.where == "p"
