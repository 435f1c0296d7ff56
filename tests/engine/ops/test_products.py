"""The matrix product of vectors, matrices and stacks of matrices, batched or not."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from chainrule.engine.backends import choose
from chainrule.engine.backward import backward_program, pull_back
from chainrule.engine.errors import ShapeError
from chainrule.engine.graph import Graph, Node
from chainrule.engine.jacobian import jacobian
from chainrule.engine.ops.products import Matmul
from chainrule.engine.plan import make_plan
from chainrule.engine.structure import Outer, OuterJacobian
from chainrule.engine.trace import run_forward

SHAPES = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3, 4)),
    ((3, 3), (3, 3)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (3,)),
    ((3,), (5, 3, 4)),
    ((5, 1, 2, 3), (6, 3, 4)),
    ((3, 3), (3, 3, 3)),
]


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("batch", [1, 3, 5])
def test_it_is_the_product_of_examples(shapes, batch, agrees_with_torch, examples, parameter):
    for kinds in itertools.product((examples, parameter), repeat=2):
        operands = [kind(shape) for kind, shape in zip(kinds, shapes, strict=True)]
        agrees_with_torch(Matmul(), torch.matmul, *operands, batch=batch)


def test_a_stack_as_long_as_the_batch_does_not_meet_it(agrees_with_torch, examples, parameter):
    output = agrees_with_torch(Matmul(), torch.matmul, parameter((3, 2, 4)), examples((4, 5)), batch=3)
    assert output.shape == (3, 3, 2, 5)


@pytest.mark.parametrize(
    ("inputs", "shapes"),
    [
        (("W", "x"), {"W": (2, 4), "x": (4,)}),
        (("x", "W"), {"W": (4, 2), "x": (4,)}),
        (("W", "x"), {"W": (2, 4), "x": (4, 3)}),
    ],
    ids=["matrix·vector", "vector·matrix", "matrix·matrix"],
)
def test_a_weights_cotangent_is_an_outer_product(inputs, shapes):
    xp, trace = _trace(inputs, shapes)
    plan = trace.plan
    of, weight = plan.index["out"], plan.index["W"]
    seed = np.random.default_rng(1).standard_normal(plan.full_shape(of))
    program = backward_program(plan, of, (weight,))
    kept = pull_back(trace, program, seed, keep_batch=True)[weight]
    assert isinstance(kept, Outer)
    np.testing.assert_allclose(kept.sqnorm(xp), (kept.each() ** 2).sum((-2, -1)), rtol=1e-12)
    np.testing.assert_allclose(kept.sum(xp), kept.each().sum(0), rtol=1e-12, atol=1e-14)


def test_the_jacobian_at_the_matrix_of_matrix_times_vector_keeps_its_structure():
    _, trace = _trace(("W", "x"), {"W": (2, 4), "x": (4,)})
    found = jacobian(trace, trace.plan.index["out"], trace.plan.index["W"])
    assert isinstance(found, OuterJacobian)
    wanted = np.einsum("ij,nk->nijk", np.eye(2), trace.value("x"))
    np.testing.assert_array_equal(found.dense(), wanted)


def _trace(inputs, shapes, batch=3):
    graph = Graph(("x",), ("W",), (Node("out", Matmul(), inputs),), "out")
    plan = make_plan(graph, shapes, batch)
    rng, xp = np.random.default_rng(0), choose("numpy", "cpu", "float64")
    leaves = {name: rng.standard_normal(plan.full_shape(plan.index[name])) for name in shapes}
    return xp, run_forward(plan, xp, leaves)


@pytest.mark.parametrize(
    ("a", "b", "operand", "message"),
    [
        (
            (3,),
            (4, 3),
            "b",
            "b has shape [4, 3]; matmul wants […, 3, m], a having shape [3]: transpose b, or swap a and b",
        ),
        ((2, 3), (4, 3), "b", "b has shape [4, 3]; matmul wants […, 3, m], a having shape [2, 3]: transpose b"),
        ((3, 2), (3,), "b", "b has shape [3]; matmul wants [2], a having shape [3, 2]: transpose a, or swap a and b"),
        ((3, 2), (3, 4), "b", "b has shape [3, 4]; matmul wants […, 2, m], a having shape [3, 2]: transpose a"),
        ((3, 2), (5, 3), "b", "b has shape [5, 3]; matmul wants […, 2, m], a having shape [3, 2]: swap a and b"),
        ((2,), (3,), "b", "b has shape [3]; matmul wants [2], a having shape [2]"),
        ((), (3,), "a", 'a has shape []; matmul wants at least one axis: write "mul" to multiply by a number'),
        ((3,), (), "b", 'b has shape []; matmul wants at least one axis: write "mul" to multiply by a number'),
        (
            (5, 2, 3),
            (4, 3, 2),
            "b",
            "b has shape [4, 3, 2]; matmul wants axes before the last two that broadcast with [5], those of a: "
            "the batch axis is not counted",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_refused_with_what_to_write(a, b, operand, message):
    with pytest.raises(ShapeError) as caught:
        Matmul().shape(a, b)
    assert str(caught.value) == message
    assert caught.value.operand == operand
