"""What each op does at a point without a derivative: the mask is true there alone, and the value is the one documented.

The values are fixed here because libraries have changed theirs between releases.
"""

from math import inf

import numpy as np
import pytest

from chainrule.engine.graph import Graph, Node
from chainrule.engine.kinks import find_kinks
from chainrule.engine.op import Elementwise
from chainrule.engine.ops.exponential import SELU_ALPHA, SELU_SCALE
from chainrule.engine.plan import make_plan
from chainrule.engine.registry import find, ops
from chainrule.engine.trace import run_forward

ELEMENTWISE = [
    ("relu", {}, {0.0: 0.0}),
    ("relu", {"scale": 3.0}, {0.0: 0.0}),
    ("relu6", {}, {0.0: 0.0, 6.0: 0.0}),
    ("hardtanh", {}, {-1.0: 0.0, 1.0: 0.0}),
    ("hardtanh", {"min_val": -0.5, "max_val": 2.0}, {-0.5: 0.0, 2.0: 0.0}),
    ("clamp", {"low": -0.5, "high": 2.0}, {-0.5: 0.0, 2.0: 0.0}),
    ("clamp", {"low": 0.25}, {0.25: 0.0}),
    ("clamp", {"high": 0.25}, {0.25: 0.0}),
    ("leaky_relu", {}, {0.0: 0.01}),
    ("leaky_relu", {"slope": 2.0}, {0.0: 2.0}),
    ("leaky_relu", {"slope": -1.0}, {0.0: -1.0}),
    ("leaky_relu", {"slope": 1.0}, {}),
    ("elu", {"alpha": 0.5}, {0.0: 0.5}),
    ("elu", {}, {}),
    ("celu", {"alpha": 0.5}, {}),
    ("selu", {}, {0.0: SELU_SCALE * SELU_ALPHA}),
    ("abs", {}, {0.0: 0.0}),
    ("softsign", {}, {}),
    ("identity", {}, {}),
    ("sigmoid", {}, {}),
    ("tanh", {}, {}),
    ("softplus", {}, {}),
    ("gelu", {}, {}),
    ("silu", {}, {}),
    ("mish", {}, {}),
    ("exp", {}, {}),
    ("square", {}, {}),
]
NOT_NEGATIVE = [("sqrt", {}, {0.0: inf}), ("log", {}, {})]
POINTS = np.array([-2.0, -1.0, -0.5, 0.0, 0.1, 0.25, 0.75, 1.0, 2.0, 6.0, 7.0])
OTHERWISE_PINNED = {"prelu", "max", "maximum", "l1", "hinge", "multiclass_hinge", "l1_penalty"}


def run(xp, op, *inputs, parameters=()):
    """The trace of one op on inputs with a batch axis and parameters without."""
    batched = {f"x{i}": array for i, array in enumerate(inputs)}
    fixed = {f"p{i}": array for i, array in enumerate(parameters)}
    graph = Graph(tuple(batched), tuple(fixed), (Node("out", op, (*batched, *fixed)),), "out")
    shapes = {name: array.shape[1:] for name, array in batched.items()}
    plan = make_plan(graph, shapes | {name: array.shape for name, array in fixed.items()}, 1)
    return run_forward(plan, xp, {name: xp.asarray(array) for name, array in (batched | fixed).items()})


def point(xp, op, *inputs, parameters=()):
    """The op as it runs on those inputs, and where."""
    trace = run(xp, op, *inputs, parameters=parameters)
    return trace.plan.steps[0].op, trace.points[0]


def elementwise_rows():
    return [(*row, POINTS) for row in ELEMENTWISE] + [(*row, POINTS[POINTS >= 0]) for row in NOT_NEGATIVE]


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize(
    ("name", "options", "kinks", "points"),
    elementwise_rows(),
    ids=lambda x: str(x) if isinstance(x, str | dict) else "",
)
def test_an_elementwise_op_has_these_kinks_and_no_others(xp, name, options, kinks, points):
    op = find(name)(**options)
    trace = run(xp, op, points[None])
    count, shown = find_kinks(trace, range(len(trace.plan.steps)))
    assert {float(points[kink.index[1]]): kink.value for kink in shown} == kinks
    assert count == len(kinks)
    used = xp.to_numpy(op.derivative(xp, *trace.values))[0]
    for where, value in kinks.items():
        assert used[list(points).index(where)] == value


def test_every_op_with_a_kink_is_pinned(op):
    pinned = {name for name, _, kinks in ELEMENTWISE + NOT_NEGATIVE if kinks} | OTHERWISE_PINNED
    assert (op.name in pinned) == (op.at_kink is not None)


def test_every_elementwise_op_is_in_the_table():
    listed = {name for name, _, _ in ELEMENTWISE + NOT_NEGATIVE}
    assert {name for name, op in ops().items() if issubclass(op, Elementwise)} == listed


def test_prelu_takes_its_slope_at_0(xp):
    x, slope = np.array([[0.0, 0.0, 0.0, 1.0]]), np.array([0.25, 1.0, -2.0, 0.25])
    op, at = point(xp, find("prelu")(), x, parameters=(slope,))
    assert xp.to_numpy(op.kinks(xp, at)).tolist() == [[True, False, True, False]]
    assert xp.to_numpy(op.subgradient(xp, at)).tolist() == [[0.25, 1.0, -2.0, 1.0]]


def test_max_shares_its_derivative_evenly_among_equals(xp):
    x = np.array([[[1.0, 3.0, 3.0], [0.0, -1.0, -2.0]], [[5.0, 5.0, 5.0], [2.0, 1.0, 2.0]]])
    op, at = point(xp, find("max")(axes=(-1,)), x)
    third = 1 / 3
    shares = [[[0, 0.5, 0.5], [1, 0, 0]], [[third, third, third], [0.5, 0, 0.5]]]
    assert xp.to_numpy(op.subgradient(xp, at)).tolist() == shares
    mask = [[[False, True, True], [False] * 3], [[True] * 3, [True, False, True]]]
    assert xp.to_numpy(op.kinks(xp, at)).tolist() == mask
    (into,) = op.vjp(xp, xp.asarray(np.array([[2.0, 4.0], [6.0, 8.0]])), at, (True,))
    assert xp.to_numpy(into).tolist() == [[[0, 1, 1], [4, 0, 0]], [[2, 2, 2], [4, 0, 4]]]


def test_max_over_all_shares_among_all_equals(xp):
    op, at = point(xp, find("max")(), np.array([[[4.0, 1.0], [4.0, 4.0]]]))
    third = 1 / 3
    assert xp.to_numpy(op.subgradient(xp, at)).tolist() == [[[third, 0], [third, third]]]


def test_maximum_gives_half_to_each_of_equals(xp):
    a, b = np.array([[1.0, 2.0, 3.0]]), np.array([[2.0, 2.0, 1.0]])
    op, at = point(xp, find("maximum")(), a, b)
    assert xp.to_numpy(op.kinks(xp, at)).tolist() == [[False, True, False]]
    into_a, into_b = op.vjp(xp, xp.asarray(np.array([[10.0, 20.0, 30.0]])), at, (True, True))
    assert xp.to_numpy(into_a).tolist() == [[0, 10, 30]]
    assert xp.to_numpy(into_b).tolist() == [[10, 10, 0]]


def test_l1_is_flat_where_prediction_and_target_are_equal(xp):
    op, at = point(xp, find("l1")(reduction="none"), np.array([[1.0, 2.0, 3.0]]), np.array([[2.0, 2.0, 2.0]]))
    assert xp.to_numpy(op.kinks(xp, at)).tolist() == [[False, True, False]]
    assert xp.to_numpy(op.subgradient(xp, at)).tolist() == [[-1, 0, 1]]


def test_hinge_is_flat_at_its_margin(xp):
    prediction, target = np.array([[0.5, 1.0, 2.0, -1.0, 0.0]]), np.array([[1.0, 1.0, 1.0, -1.0, -1.0]])
    op, at = point(xp, find("hinge")(reduction="sum"), prediction, target)
    assert xp.to_numpy(op.kinks(xp, at)).tolist() == [[False, True, False, True, False]]
    assert xp.to_numpy(op.subgradient(xp, at)).tolist() == [[-1, 0, 0, 0, 1]]


def test_multiclass_hinge_is_flat_at_its_margin(xp):
    op = find("multiclass_hinge")(reduction="sum", divide_by_classes=False)
    bound, at = point(xp, op, np.array([[2.0, 1.0, 1.5, -3.0]]), np.array([0]))
    assert xp.to_numpy(bound.kinks(xp, at)).tolist() == [[True, True, False, False]]
    assert xp.to_numpy(bound.subgradient(xp, at)).tolist() == [[-1, 0, 1, 0]]


def test_l1_penalty_is_flat_at_0(xp):
    op, at = point(xp, find("l1_penalty")(scale=0.5), parameters=(np.array([-2.0, 0.0, 3.0]),))
    assert xp.to_numpy(op.kinks(xp, at)).tolist() == [False, True, False]
    assert xp.to_numpy(op.subgradient(xp, at)).tolist() == [-0.5, 0, 0.5]
