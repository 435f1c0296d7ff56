"""bce straight after sigmoid or softargmax has all its digits where the two derivatives one by one have few or none."""

from decimal import Decimal, localcontext
from functools import cache

import numpy as np
import pytest

from chainrule.engine.backends import choose
from chainrule.engine.backward import backward_program, pull_back
from chainrule.engine.fused import fuse, fused_warnings
from chainrule.engine.graph import LOSS, TARGETS, Graph, Node
from chainrule.engine.plan import make_plan
from chainrule.engine.registry import find
from chainrule.engine.steps import links
from chainrule.engine.trace import run_forward

LOGITS = [-800.0, -40.0, -12.0, -1.5, 0.0, 1.5, 12.0, 40.0, 800.0]


@pytest.fixture(params=["numpy", "torch"])
def xp(request):
    return choose(request.param, "cpu", "float64")


@pytest.fixture(autouse=True)
def _no_warnings_of_overflow():
    with np.errstate(all="ignore"):
        yield


def trace_of(xp, activation, logits, targets, *, nodes=(), penalties=(), output="p", **options):
    """`s` = x through the identity, `p` the activation of it, and bce of the output."""
    logits, targets = np.array(logits), np.array(targets)
    loss = Node(LOSS, find("bce")(**options), (output, TARGETS))
    chain = (Node("s", find("identity")(), ("x",)), Node("p", activation, ("s",)), *nodes)
    parameters = {name: () for penalty in penalties for name in penalty.inputs}
    graph = Graph(("x",), tuple(parameters), chain, output, loss, penalties)
    plan = make_plan(graph, {"x": logits.shape[1:], TARGETS: targets.shape[1:], **parameters}, len(logits))
    leaves = {"x": xp.asarray(logits), TARGETS: xp.asarray(targets)}
    return run_forward(plan, xp, leaves | {name: xp.asarray(np.array(2.0)) for name in parameters})


def gradient(trace, fused):
    slot = trace.plan.index["x"]
    program = backward_program(trace.plan, trace.plan.loss, (slot,))
    return trace.xp.to_numpy(pull_back(trace, program, 1.0, fused=fused)[slot])


@cache
def exactly(logits, targets, beta):
    """The derivative of the sum over classes by the softargmax's logits, from its definition, in 760 digits."""
    with localcontext(prec=760):
        e = [(Decimal(beta) * Decimal(z)).exp() for z in logits]
        p = [each / sum(e) for each in e]
        g = [(each - Decimal(y)) / (each * (1 - each)) for each, y in zip(p, targets, strict=True)]
        mean = sum(a * b for a, b in zip(p, g, strict=True))
        return [float(Decimal(beta) * a * (b - mean)) for a, b in zip(p, g, strict=True)]


@pytest.mark.parametrize("target", [0.0, 0.3, 1.0])
def test_sigmoid_and_bce_keep_every_digit(xp, target):
    trace = trace_of(xp, find("sigmoid")(), [LOGITS], [[target] * len(LOGITS)])
    with localcontext(prec=800):
        exact = [1 / (1 + (-Decimal(s)).exp()) - Decimal(target) for s in LOGITS]
        wanted = [float(each / len(LOGITS)) for each in exact]
    np.testing.assert_allclose(gradient(trace, fuse(trace)), [wanted], rtol=1e-12, atol=0)


ROWS = [
    [0.0, 1.0, -1.0, 0.5],
    [40.0, 0.0, 0.3, -0.2],
    [0.0, 1.0, 40.0, 39.0],
    [-40.0, 40.0, 0.0, 1.0],
    [800.0, 0.0, -1.0, 2.0],
    [0.0, -800.0, 800.0, 790.0],
    [0.0, 700.0, 0.0, 1.0],
    [10.0, 0.3, -0.2, 0.0],
]


@pytest.mark.parametrize("beta", [1.0, -0.5])
@pytest.mark.parametrize(
    "target",
    [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1], [0.3, 0.3, 0.3, 0.1], [0, 1, 0.5, 0]],
    ids=str,
)
def test_softargmax_and_bce_keep_every_digit(xp, target, beta):
    targets = [[float(y) for y in target]] * len(ROWS)
    trace = trace_of(xp, find("softargmax")(beta=beta), ROWS, targets, reduction="sum")
    wanted = [exactly(tuple(row), tuple(target), beta) for row in ROWS]
    np.testing.assert_allclose(gradient(trace, fuse(trace)), wanted, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("name", ["sigmoid", "softargmax"])
def test_where_the_chain_is_as_good_it_is_left_alone(xp, name):
    rng = np.random.default_rng(0)
    logits, targets = rng.uniform(-4, 4, (5, 6)), rng.uniform(size=(5, 6))
    assert fuse(trace_of(xp, find(name)(), logits, targets)) is None


@pytest.mark.parametrize(
    ("name", "far", "is_fused"),
    [("sigmoid", 9.0, False), ("sigmoid", 9.5, True), ("softargmax", 9.8, False), ("softargmax", 10.0, True)],
)
def test_the_change_from_chain_to_pair_does_not_show(xp, name, far, is_fused):
    """Near the bound both ways agree to the digits that the chain has."""
    logits, targets = [[far, 0.0, 0.0], [1.0, -1.0, 0.5]], [[1.0, 0.0, 0.0], [0.2, 0.3, 0.5]]
    trace = trace_of(xp, find(name)(), logits, targets, scale=-2.0)
    fused = fuse(trace)
    assert (fused is not None) == is_fused
    np.testing.assert_allclose(gradient(trace, fused), gradient(trace, None), rtol=1e-11)


def not_fused(xp):
    sigmoid, logits, targets = find("sigmoid")(), [[40.0, 1.0]], [[1.0, 0.0]]
    copy = Node("q", find("identity")(), ("p",))
    doubled = Node("q", find("mul")(), ("p", "p"))
    other = Node("r", find("mean")(), ("p",))
    return {
        "torch's clamp": trace_of(xp, sigmoid, logits, targets, clamp="torch"),
        "no one number": trace_of(xp, sigmoid, logits, targets, reduction="none"),
        "another node between": trace_of(xp, sigmoid, logits, targets, nodes=(copy,), output="q"),
        "two takers": trace_of(xp, sigmoid, logits, targets, nodes=(other,)),
        "taken twice": trace_of(xp, sigmoid, logits, targets, nodes=(doubled,), output="q"),
        "another activation": trace_of(xp, find("hardtanh")(min_val=0.0), logits, targets),
        "a single class": trace_of(xp, find("softargmax")(), [[3.0]], [[1.0]]),
    }


def test_only_a_pair_is_fused(xp):
    assert fuse(trace_of(xp, find("sigmoid")(), [[40.0, 1.0]], [[1.0, 0.0]])) is not None
    assert {name: fuse(trace) for name, trace in not_fused(xp).items() if fuse(trace) is not None} == {}


def test_a_penalty_does_not_part_the_pair(xp):
    penalty = Node("decay", find("l2_penalty")(), ("w",))
    trace = trace_of(xp, find("sigmoid")(), [[40.0, 1.0]], [[1.0, 0.0]], penalties=(penalty,), reduction="sum")
    np.testing.assert_allclose(gradient(trace, fuse(trace))[0, 0], -np.exp(-40), rtol=1e-12)


def test_the_derivative_by_the_prediction_stays_the_chains(xp):
    trace = trace_of(xp, find("sigmoid")(), [[40.0, 1.0]], [[0.0, 0.0]], reduction="sum")
    slot = trace.plan.index["p"]
    found = pull_back(trace, backward_program(trace.plan, trace.plan.loss, (slot,)), 1.0, fused=fuse(trace))
    assert trace.xp.to_numpy(found[slot])[0, 0] == np.inf


def test_each_example_has_its_part_and_each_step_its_contribution(xp):
    trace = trace_of(xp, find("sigmoid")(), [[800.0, 1.0], [-40.0, 2.0]], [[0.0, 0.0], [1.0, 1.0]], reduction="sum")
    plan, fused = trace.plan, fuse(trace)
    wanted = gradient(trace, fused)
    assert np.isfinite(wanted).all()
    program = backward_program(plan, plan.loss, [plan.index[name] for name in ("x", "s", "p", LOSS)])
    cotangents = pull_back(trace, program, 1.0, fused=fused)
    of_p = next(link for link in links(trace, program, cotangents, fused) if link.node == "p")
    assert np.array_equal(xp.to_numpy(of_p.contributes["x"]), wanted)
    assert np.array_equal(
        xp.to_numpy(pull_back(trace, program, 1.0, keep_batch=True, fused=fused)[plan.index["x"]]), wanted
    )


def test_the_reply_is_told(xp):
    trace = trace_of(xp, find("sigmoid")(), [[40.0, 1.0, -800.0]], [[1.0, 0.0, 1.0]])
    (said,) = fused_warnings(trace, fuse(trace))
    assert "p: sigmoid and the bce after it were differentiated as one function" in said
