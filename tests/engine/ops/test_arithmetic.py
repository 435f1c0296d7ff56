"""Sums, differences and products broadcast among examples and never with the batch."""

from __future__ import annotations

import itertools
import operator

import numpy as np
import pytest

from chainrule.engine.errors import ShapeError
from chainrule.engine.graph import Graph, Node
from chainrule.engine.ops.arithmetic import Add, Mul, Scale, Sub
from chainrule.engine.plan import make_plan

BINARY = [(Add(), operator.add), (Sub(), operator.sub), (Mul(), operator.mul)]
SHAPES = [((3,), (3,)), ((4,), (3, 4)), ((3, 4), (4,)), ((3, 1), (4,)), ((), (3,)), ((3, 4), ()), ((), ())]
by_name = pytest.mark.parametrize(("operation", "function"), BINARY, ids=lambda value: getattr(value, "name", ""))


@by_name
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("batch", [1, 3, 4])
def test_examples_broadcast(operation, function, shapes, batch, agrees_with_torch, examples, parameter):
    for kinds in itertools.product((examples, parameter), repeat=2):
        operands = [kind(shape) for kind, shape in zip(kinds, shapes, strict=True)]
        agrees_with_torch(operation, function, *operands, batch=batch)


@by_name
@pytest.mark.parametrize(("example", "fixed"), [((4,), (3, 4)), ((), (3,)), ((4,), (3, 1)), ((3,), (3, 3))])
def test_a_parameter_as_long_as_the_batch_does_not_meet_it(
    operation, function, example, fixed, agrees_with_torch, examples, parameter
):
    for operands in ((examples(example), parameter(fixed)), (parameter(fixed), examples(example))):
        output = agrees_with_torch(operation, function, *operands, batch=3)
        assert output.shape == (3, *np.broadcast_shapes(example, fixed))


def test_add_takes_any_number_of_operands(agrees_with_torch, examples, parameter):
    operands = (examples((4,)), parameter((3, 4)), examples((3, 1)), parameter(()))
    agrees_with_torch(Add(), lambda *parts: sum(parts), *operands)


def test_scale_is_a_product_with_a_number(agrees_with_torch, examples, parameter):
    agrees_with_torch(Scale(factor=-2.5), lambda x: -2.5 * x, examples((2, 3)))
    agrees_with_torch(Scale(factor=0.5), lambda x: x / 2, parameter((3,)))


@by_name
def test_shapes_that_do_not_broadcast_are_refused(operation, function):
    with pytest.raises(ShapeError, match=r"has shape \[3\]; .* wants one that broadcasts with \[3, 4\]") as caught:
        operation.shape((3, 4), (3,))
    assert caught.value.operand == ("x1" if operation.variadic else "b")
    assert "the batch axis is not counted" in str(caught.value)


def test_the_operand_at_fault_is_named_among_many():
    with pytest.raises(ShapeError) as caught:
        Add().shape((3, 1), (4,), (2, 4))
    assert caught.value.operand == "x2"


def test_a_shape_error_names_the_node():
    graph = Graph(("x",), ("p",), (Node("total", Add(), ("x", "p")),), "total")
    with pytest.raises(ShapeError) as caught:
        make_plan(graph, {"x": (4,), "p": (3,)}, batch=3)
    assert caught.value.where == "total"
