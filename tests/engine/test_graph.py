"""A network is a DAG of known names, in whatever order it is written."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.engine.backends import choose
from chainrule.engine.backward import backward_program, pull_back
from chainrule.engine.errors import GraphError, Unsupported
from chainrule.engine.forward_mode import push_forward
from chainrule.engine.graph import Graph, Node, known
from chainrule.engine.ops.arithmetic import Add, Scale
from chainrule.engine.ops.linear import Linear
from chainrule.engine.ops.rectifiers import Identity
from chainrule.engine.plan import make_plan
from chainrule.engine.trace import run_forward


def identity(name: str, of: str) -> Node:
    return Node(name, Identity(), (of,))


def add(name: str, *of: str) -> Node:
    return Node(name, Add(), of)


def test_nodes_are_ordered_after_what_they_take():
    nodes = (add("d", "b", "c"), add("c", "b", "a"), identity("b", "a"), add("a", "x", "x"))
    graph = Graph(("x",), (), nodes, "d")
    assert [node.name for node in graph.order] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("nodes", "cycle"),
    [
        ((identity("a", "a"),), {"a"}),
        ((identity("a", "b"), identity("b", "a")), {"a", "b"}),
        ((identity("a", "x"), add("b", "a", "d"), identity("c", "b"), identity("d", "c")), {"b", "c", "d"}),
    ],
)
def test_a_cycle_is_refused_and_its_nodes_named(nodes, cycle):
    graph = Graph(("x",), (), nodes, nodes[-1].name)
    with pytest.raises(GraphError, match="the network has a cycle through") as caught:
        _ = graph.order
    assert caught.value.where in cycle
    assert set(str(caught.value).rpartition("through ")[2].split(", ")) == cycle


def test_an_unknown_name_is_refused_and_the_known_ones_listed():
    with pytest.raises(GraphError, match=r"node 'b' takes 'z', which is not here: x, W, a, b") as caught:
        Graph(("x",), ("W",), (identity("a", "x"), add("b", "a", "z")), "b")
    assert caught.value.where == "b"


def test_an_output_that_is_no_node_is_refused():
    with pytest.raises(GraphError, match="the output 'z' is no node: a"):
        Graph(("x",), (), (identity("a", "x"),), "z")
    with pytest.raises(GraphError, match="the output 'W' is no node"):
        Graph(("x",), ("W",), (identity("a", "x"),), "W")


@pytest.mark.parametrize(
    ("inputs", "parameters", "names"),
    [
        (("x", "x"), (), ()),
        (("x",), ("x",), ()),
        (("x",), ("W", "W"), ()),
        (("x",), (), ("x",)),
        (("x",), (), ("a", "a")),
    ],
)
def test_a_name_given_twice_is_refused(inputs, parameters, names):
    nodes = tuple(identity(name, "x") for name in names)
    with pytest.raises(GraphError, match="two things are called") as caught:
        Graph(inputs, parameters, nodes, "x")
    assert caught.value.where in {*inputs, *parameters, *names}


def test_a_long_list_of_names_is_cut_short():
    assert known(str(i) for i in range(15)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 3 more"


def test_a_chain_of_thousands_of_nodes_needs_no_recursion():
    depth, factor = 5000, 1.0001
    nodes = [Node("n0", Scale(factor=factor), ("x",))]
    nodes += [Node(f"n{i}", Scale(factor=factor), (f"n{i - 1}",)) for i in range(1, depth)]
    graph = Graph(("x",), (), tuple(reversed(nodes)), f"n{depth - 1}")
    plan, xp = make_plan(graph, {"x": (2,)}, batch=1), choose("numpy", "cpu", "float64")
    trace = run_forward(plan, xp, {"x": np.array([[1.0, -2.0]])})
    x, of = plan.index["x"], plan.output
    pulled = pull_back(trace, backward_program(plan, of, (x,)), np.array([[3.0, 5.0]]))[x]
    pushed = push_forward(trace, {x: np.array([[3.0, 5.0]])}, of)
    total = factor**depth
    np.testing.assert_allclose(trace.values[of], [[total, -2 * total]], rtol=1e-11)
    np.testing.assert_allclose(pulled, [[3 * total, 5 * total]], rtol=1e-11)
    np.testing.assert_allclose(pushed, [[3 * total, 5 * total]], rtol=1e-11)


def test_a_doubling_at_every_node_is_walked_once():
    depth = 60
    nodes = [add("n0", "x", "x"), *(add(f"n{i}", f"n{i - 1}", f"n{i - 1}") for i in range(1, depth))]
    plan = make_plan(Graph(("x",), (), tuple(nodes), f"n{depth - 1}"), {"x": ()}, batch=1)
    trace = run_forward(plan, choose("numpy", "cpu", "float64"), {"x": np.ones(1)})
    x = plan.index["x"]
    found = pull_back(trace, backward_program(plan, plan.output, (x,)), np.array([0.5]))[x]
    assert found.tolist() == [2.0 ** (depth - 1)]


def test_a_value_with_a_batch_axis_is_no_parameter():
    graph = Graph(("x", "V"), (), (Node("s", Linear(), ("x", "V")),), "s")
    with pytest.raises(Unsupported, match="weight is the same for every example, and V has a value for each") as caught:
        make_plan(graph, {"x": (2,), "V": (3, 2)}, batch=4)
    assert (caught.value.where, caught.value.operand) == ("s", "weight")
