"""Where a plan puts its values."""

import numpy as np

from chainrule.engine.backends import choose
from chainrule.engine.cost import forward_cost
from chainrule.engine.graph import Graph, Node
from chainrule.engine.ops.linear import Linear
from chainrule.engine.ops.penalties import L2Penalty
from chainrule.engine.ops.regression import SquaredError
from chainrule.engine.plan import make_plan
from chainrule.engine.trace import run_forward

SHAPES = {"x": (3,), "W": (2, 3), "y": (2,)}


def test_leaves_come_first_and_each_step_writes_the_next_slot():
    loss, penalty = Node("C", SquaredError(), ("s", "y")), Node("P", L2Penalty(), ("W",))
    plan = make_plan(Graph(("x",), ("W",), (Node("s", Linear(), ("x", "W")),), "s", loss, (penalty,)), SHAPES, batch=4)
    assert plan.leaves == tuple(slot.name for slot in plan.slots[:3]) == ("x", "W", "y")
    assert [step.output for step in plan.steps] == list(range(3, len(plan.slots)))
    leaves = {name: np.ones(plan.full_shape(plan.index[name])) for name in plan.leaves}
    trace = run_forward(plan, choose("numpy", "cpu", "float64"), leaves)
    assert all(trace.value(name) is leaf for name, leaf in leaves.items())
    for step, point in zip(plan.steps, trace.points, strict=True):
        assert trace.values[step.output] is point.output
        assert all(found is trace.values[slot] for slot, found in zip(step.inputs, point.inputs, strict=True))


def test_a_trace_returns_the_nodes_values_and_no_leaf():
    loss = Node("C", SquaredError(), ("s", "y"))
    plan = make_plan(Graph(("x",), ("W",), (Node("s", Linear(), ("x", "W")),), "s", loss), SHAPES, batch=4)
    assert forward_cost(plan, traced=True).returned == 4 * 2 + 1
