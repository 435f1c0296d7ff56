"""Chains, evaluated as they are printed, are the engine's gradients in every layout, and each factor has its shape."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from chainrule.derivation import chain
from chainrule.engine.backends import choose
from chainrule.engine.graph import LOSS, TARGETS, Graph, Node
from chainrule.engine.op import Elementwise
from chainrule.engine.plan import make_plan
from chainrule.engine.registry import find, ops
from chainrule.engine.trace import Trace, run_forward
from derivation.checking import LAYOUTS, check, fits, on_the_way
from engine.random_networks.conftest import Network, networks

N, WIDTHS = 3, {"n": 2, "a": 5, "K": 4}
ACTIVATIONS = [name for name, op in ops().items() if op.family == "activation" and name not in ("logsumexp", "prelu")]
LOSSES = [name for name, op in ops().items() if op.family == "loss"]
AFTER = {"bce": "sigmoid", "kl_div": "log_softargmax", "nll": "log_softargmax"}
"""What makes the predictions that some losses want."""


def two_layers(activation: str, loss: str, *, penalty: bool = False) -> Trace:
    """Linear, an activation, linear and what the loss wants before it, with numbers drawn."""
    rng = np.random.default_rng(sum(map(ord, activation + loss)))
    options = {"low": -0.5} if activation == "clamp" else {}
    last = find(AFTER.get(loss, "identity"))()
    nodes = (
        Node("s1", find("linear")(), ("x", "W1", "b1")),
        Node("positive", find("square")(), ("s1",)),
        Node("a1", find(activation)(**options), ("positive" if activation in ("log", "sqrt") else "s1",)),
        Node("s2", find("linear")(), ("a1", "W2", "b2")),
        Node("out", last, ("s2",)),
    )
    penalties = (Node("l2", find("l2_penalty")(scale=0.3), ("W1",)), Node("l1", find("l1_penalty")(), ("W2",)))
    target = Node(LOSS, find(loss)(reduction="mean"), ("out", TARGETS))
    parameters = ("W1", "b1", "W2", "b2")
    graph = Graph(("x",), parameters, nodes, "out", target, penalties if penalty else ())
    n, a, k = WIDTHS.values()
    shapes = {"x": (n,), "W1": (a, n), "b1": (a,), "W2": (k, a), "b2": (k,), TARGETS: _targets_shape(loss, k)}
    plan = make_plan(graph, shapes, N)
    arrays: dict[str, Any] = {
        name: rng.uniform(-1, 1, plan.full_shape(plan.index[name])) for name in ("x", *parameters)
    }
    arrays[TARGETS] = _targets(loss, rng, plan.full_shape(plan.index[TARGETS]), k)
    return run_forward(plan, choose("numpy", "cpu", "float64"), arrays)


def _targets_shape(loss: str, classes: int) -> tuple[int, ...]:
    return () if loss in ("cross_entropy", "nll", "multiclass_hinge") else (classes,)


def _targets(loss: str, rng: np.random.Generator, shape: tuple[int, ...], classes: int) -> Any:
    if loss in ("cross_entropy", "nll", "multiclass_hinge"):
        return rng.integers(0, classes, shape)
    return rng.choice([-1.0, 1.0], shape) if loss == "hinge" else rng.uniform(0.1, 0.9, shape)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_in_a_chain(activation: str, layout: str) -> None:
    trace = two_layers(activation, "squared_error")
    check(trace, trace.plan.index[LOSS], on_the_way(trace, trace.plan.index[LOSS]), layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("penalty", [False, True])
def test_every_loss_in_a_chain(loss: str, layout: str, penalty: bool) -> None:
    trace = two_layers("tanh", loss, penalty=penalty)
    check(trace, trace.plan.index[LOSS], on_the_way(trace, trace.plan.index[LOSS]), layout)


def test_every_activation_is_elementwise_or_along_rows() -> None:
    rows = {"softargmax", "log_softargmax", "logsumexp", "prelu"}
    assert {name for name, op in ops().items() if op.family == "activation" and not issubclass(op, Elementwise)} == rows


drawn = settings(
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


def check_network(network: Network) -> None:
    trace = network.run("numpy")
    loss = trace.plan.index[LOSS]
    for layout in LAYOUTS:
        if fits(trace, loss, layout):
            check(trace, loss, on_the_way(trace, loss), layout)
    for of, wrt in network.pairs:
        slot = trace.plan.index[of]
        alike = network.batched(of) or not network.batched(wrt)
        for layout in LAYOUTS if alike else ():
            if fits(trace, slot, layout) and len(trace.plan.slots[trace.plan.index[wrt]].shape) <= 2:
                check(trace, slot, [wrt], layout)


@given(networks())
@settings(drawn, max_examples=40)
def test_chains_of_random_networks(network: Network) -> None:
    check_network(network)


@pytest.mark.slow
@given(networks())
@settings(drawn, max_examples=600)
def test_chains_of_many_random_networks(network: Network) -> None:
    check_network(network)


@given(networks())
@settings(drawn, max_examples=30)
def test_gradients_written_through_other_nodes(network: Network) -> None:
    with patch.object(chain, "MOST_PATHS", 1), patch.object(chain, "MOST_FACTORS", 2):
        check_network(network)


def layered(depth: int) -> Trace:
    """Square layers of tanh, one after the other."""
    nodes: list[Node] = []
    for layer in range(1, depth + 1):
        nodes.append(Node(f"s{layer}", find("linear")(), (nodes[-1].name if nodes else "x", f"W{layer}")))
        nodes.append(Node(f"a{layer}", find("tanh")(), (f"s{layer}",)))
    names = tuple(f"W{layer}" for layer in range(1, depth + 1))
    graph = Graph(("x",), names, tuple(nodes), nodes[-1].name, Node(LOSS, find("mse")(), (nodes[-1].name, TARGETS)))
    plan = make_plan(graph, {"x": (3,), TARGETS: (3,), **dict.fromkeys(names, (3, 3))}, 2)
    rng = np.random.default_rng(depth)
    arrays = {name: rng.uniform(-1, 1, plan.full_shape(plan.index[name])) for name in ("x", TARGETS, *names)}
    return run_forward(plan, choose("numpy", "cpu", "float64"), arrays)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_deep_network_is_written_through_its_nodes(layout: str) -> None:
    trace = layered(40)
    loss = trace.plan.index[LOSS]
    chains = check(trace, loss, ["W1", "W20", "W40"], layout)
    assert chains.through
    longest = max(len(list(term.part.factors())) for name in ("W1", "W40") for term in written(chains, name).terms)
    assert longest <= chain.MOST_FACTORS


def written(chains: chain.Chains, name: str) -> chain.Gradient:
    return chains.gradient(chains.subject.plan.index[name])


def test_the_number_of_equations_grows_with_the_network_alone() -> None:
    depth = 300
    first = Node("n0", find("tanh")(), ("x",))
    pairs = [(f"n{number - 1}", f"n{max(number - 2, 0)}") for number in range(1, depth)]
    nodes = [first, *(Node(f"n{number}", find("mul")(), pair) for number, pair in enumerate(pairs, start=1))]
    graph = Graph(("x",), (), tuple(nodes), nodes[-1].name)
    plan = make_plan(graph, {"x": (2,)}, 1)
    chains = chain.Chains(chain.Subject(plan), plan.output, "torch")
    assert len(written(chains, "x").terms) == 1
    assert len(chains.through) <= depth


class TestTheHomeworksNotation:
    """Row 1.2c, letter by letter."""

    def latex(self, layout: str, name: str, of: str = LOSS) -> str:
        trace = two_layers("relu", "squared_error")
        subject = chain.Subject(trace.plan, batched=False)
        chains = chain.Chains(subject, trace.plan.index[of], layout)  # type: ignore[arg-type]
        return written(chains, name).latex()

    def test_numerator(self) -> None:
        assert self.latex("numerator", "W1") == (
            r"\frac{\partial C}{\partial W^{(1)}} = x \, \frac{\partial C}{\partial \tilde{y}} \, "
            r"\frac{\partial \tilde{y}}{\partial s_{2}} \, W^{(2)} \, \frac{\partial a_{1}}{\partial s_{1}}"
        )
        assert self.latex("numerator", "b2") == (
            r"\frac{\partial C}{\partial b^{(2)}} = \frac{\partial C}{\partial \tilde{y}} \, "
            r"\frac{\partial \tilde{y}}{\partial s_{2}}"
        )

    def test_torch(self) -> None:
        assert self.latex("torch", "W1") == (
            r"\frac{\partial C}{\partial W^{(1)}} = \left(\frac{\partial a_{1}}{\partial s_{1}}\right)^{\top} \, "
            r"W^{(2)\top} \left(\frac{\partial \tilde{y}}{\partial s_{2}}\right)^{\top} \, "
            r"\frac{\partial C}{\partial \tilde{y}} \, x^{\top}"
        )

    def test_denominator(self) -> None:
        assert self.latex("denominator", "W1") == (
            r"\frac{\partial C}{\partial W^{(1)}} = \frac{\partial a_{1}}{\partial s_{1}} \, W^{(2)\top} \, "
            r"\frac{\partial \tilde{y}}{\partial s_{2}} \, \frac{\partial C}{\partial \tilde{y}} \, x^{\top}"
        )

    def test_one_steps_own_derivative_is_told_by_its_entries(self) -> None:
        assert self.latex("numerator", "out") == (
            r"\frac{\partial C}{\partial \tilde{y}_{i}} = \frac{2}{K} \, (\tilde{y}_{i} - y_{i})"
        )
