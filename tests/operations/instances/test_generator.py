"""Instances: the same for a seed everywhere, within their constraints, or refused with the constraint that fails."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from chainrule.engine.plan import Plan
from chainrule.engine.registry import find
from chainrule.engine.trace import Cancelled
from chainrule.operations import Limits, Refused, run
from chainrule.operations.instances.constraints import kinks_of, named_constants
from chainrule.operations.instances.generator import make_instance
from chainrule.schemas.encoding import encode
from operations.instances.templates_by_hand import below_by_hand, grid, template, two_layers

SIZES = {"n": 3, "a": 7, "K": 5, "N": 11}
PRIMES = dict.fromkeys(SIZES, "prime")
SEEDS = st.integers(0, 2**64 - 1)


def pre_activations(problem: Mapping[str, Any]) -> NDArray[Any]:
    linear = problem["network"]["layers"][0]
    return problem["inputs"] @ linear["weight"].T + linear["bias"]


def test_instances_never_change() -> None:
    found = make_instance(template(two_layers(PRIMES)), 7)
    assert (found.sizes, found.attempt) == ({"K": 11, "N": 3, "a": 13, "n": 5}, 0)
    assert (
        hashlib.sha256(encode(found.problem)).hexdigest()
        == "fba7b08d9803c7efdbb11c9d58bed5a2ba27df7b813435b81992d55da2719a26"
    )


@given(SEEDS)
@settings(max_examples=30)
def test_an_instance_is_a_problem_within_its_constraints(seed: int) -> None:
    found = make_instance(template(two_layers(PRIMES)), seed)
    lengths = list(found.sizes.values())
    assert all(one != other for one, other in combinations(lengths, 2))
    assert all(length % 2 and all(length % d for d in range(2, length)) for length in lengths)
    s = pre_activations(found.problem)
    assert s.shape == (found.sizes["N"], found.sizes["a"])
    assert np.abs(s).min() >= 2**-6
    active = int((s > 0).sum())
    assert 0 < active < s.size
    base = [Fraction(1), Fraction(2), *map(Fraction, lengths)]
    base += [1 / number for number in base]
    assert Fraction(active, s.size) not in {one * other for one in base for other in base}
    reply = run("gradients", {**found.problem, "backend": "numpy"})
    assert reply["gradients"]["W1"].shape == (found.sizes["a"], found.sizes["n"])
    assert reply["kink_count"] == 0


@given(SEEDS)
@settings(max_examples=20)
def test_the_order_of_fields_changes_nothing(seed: int) -> None:
    tree = two_layers(PRIMES)
    turned = dict(reversed([*tree.items(), ("sizes", dict(reversed(PRIMES.items())))]))
    one, other = make_instance(template(tree), seed), make_instance(template(turned), seed)
    assert encode(dict(sorted(one.problem.items()))) == encode(dict(sorted(other.problem.items())))


def test_another_seed_gives_another_instance_and_another_tensor_leaves_the_rest() -> None:
    tree = two_layers(SIZES, {"op": "tanh"})
    assert encode(make_instance(template(tree), 1).problem) != encode(make_instance(template(tree), 2).problem)
    more = {**tree, "network": {"layers": [*tree["network"]["layers"], {"op": "linear", "weight": grid(2, "K")}]}}
    more["targets"] = grid("N", 2)
    one, other = (make_instance(template(each), 1).problem for each in (tree, more))
    assert np.array_equal(one["inputs"], other["inputs"])
    assert np.array_equal(one["network"]["layers"][0]["weight"], other["network"]["layers"][0]["weight"])


def test_an_attempt_that_fails_is_followed_by_others_numbers() -> None:
    asked: list[float] = []

    def third(plan: Plan, leaves: Mapping[str, NDArray[Any]]) -> str | None:
        assert set(leaves) == {"x", "y", "W1", "b1", "W2", "b2"}
        assert leaves["x"].shape == (plan.batch, 3) == (11, 3)
        asked.append(float(leaves["x"][0, 0]))
        return None if len(asked) == 3 else "two mistakes look alike"

    tree = two_layers(SIZES, {"op": "tanh"})
    found = make_instance(template(tree), 5, third)
    assert found.attempt == 2
    assert asked == [-1.5 + 0.125 * below_by_hand(25, 1, 5, attempt, "/inputs")[0] for attempt in range(3)]
    assert found.problem["inputs"][0, 0] == asked[2]


def test_a_template_may_do_without_being_told_apart() -> None:
    tree = two_layers(SIZES, {"op": "tanh"}, constraints={"tells_apart": False})
    assert make_instance(template(tree), 5, lambda plan, leaves: "never").attempt == 0


def test_where_no_instance_is_found_the_constraint_is_named() -> None:
    tree = two_layers(SIZES, constraints={"kink_distance": 0.9, "attempts": 20})
    with pytest.raises(Refused, match="kink_distance failed 20 times") as refused:
        make_instance(template(tree), 1)
    assert (refused.value.status, refused.value.title) == (422, "No instance found")


def test_units_all_on_one_side_are_named() -> None:
    tree = two_layers(SIZES, constraints={"attempts": 5})
    tree["network"]["layers"][0]["bias"] = grid("a", low=20, high=40)
    with pytest.raises(Refused, match="both_sides failed 5 times"):
        make_instance(template(tree), 1)
    tree["constraints"] = {"both_sides": False, "unnamed_share": False}
    assert make_instance(template(tree), 1).attempt == 0


def test_a_check_that_never_passes_is_named() -> None:
    tree = two_layers(SIZES, {"op": "tanh"}, constraints={"attempts": 4})
    with pytest.raises(Refused, match="tells_apart failed 4 times"):
        make_instance(template(tree), 1, lambda plan, leaves: "never")


def test_choices_and_sets_of_sizes_are_all_taken() -> None:
    sets = [{"n": 2, "a": 20, "K": 5, "N": 10}, {"n": 2, "a": 20, "K": 22, "N": 10}]
    choice = {"choose": [{"op": name} for name in ("relu", "sigmoid", "identity")]}
    found = [make_instance(template(two_layers(sets, choice, choice)), seed) for seed in range(150)]
    layers = [each.problem["network"]["layers"] for each in found]
    combinations = {(each[1]["op"], each[3]["op"], len(each[2]["bias"])) for each in layers}
    assert len(combinations) == 18


def test_sizes_from_lists_are_different_where_they_can_be() -> None:
    sizes = {"n": 3, "a": [3, 5], "K": [5, 7], "N": [3]}
    for seed in range(5):
        found = make_instance(template(two_layers(sizes, {"op": "tanh"})), seed).sizes
        assert found == {"n": 3, "a": 5, "K": 7, "N": 3}


def test_class_targets_fit_their_loss() -> None:
    tree = {**two_layers(SIZES), "targets": {"shape": ["N"], "classes": "K"}, "loss": "cross_entropy"}
    problem = make_instance(template(tree), 3).problem
    assert problem["targets"].dtype == np.int64
    assert np.isfinite(run("loss", {**problem, "backend": "numpy"})["loss"])


def test_a_template_that_makes_no_problem_is_refused_with_a_pointer() -> None:
    tree = two_layers({**SIZES, "m": 4})
    tree["network"]["layers"][2]["weight"] = grid("K", "m")
    with pytest.raises(Refused, match="weight has shape") as refused:
        make_instance(template(tree), 1)
    assert refused.value.faults[0].pointer == "/network/layers/2/weight"
    with pytest.raises(Refused, match="no such op"):
        make_instance(template(two_layers(SIZES, {"op": "rleu"})), 1)
    with pytest.raises(Refused):
        make_instance(template(two_layers(SIZES, {"op": "hardtanh", "min_val": grid()})), 1)


def test_a_draw_where_a_list_belongs_is_refused() -> None:
    nodes = [{"name": "h", "op": "tanh", "inputs": grid(1)}]
    tree = {"network": {"nodes": nodes, "output": "h"}, "inputs": grid(2, 2)}
    with pytest.raises(Refused):
        make_instance(template(tree), 1)


def test_what_costs_too_much_is_refused_and_what_is_cancelled_stops() -> None:
    with pytest.raises(Refused, match="floating-point"):
        make_instance(template(two_layers(SIZES)), 1, limits=Limits(flops=1000))
    with pytest.raises(Refused, match="numbers"):
        make_instance(template(two_layers({**SIZES, "N": 10_000, "a": 100, "n": 11})), 1)
    with pytest.raises(Cancelled):
        make_instance(template(two_layers(SIZES)), 1, cancelled=lambda: True)


@pytest.mark.parametrize(
    ("op", "options", "kinks"),
    [
        ("relu", {}, (0,)),
        ("relu6", {}, (0, 6)),
        ("hardtanh", {"min_val": -2.5, "max_val": 17.25}, (-2.5, 17.25)),
        ("leaky_relu", {"slope": 0.1}, (0,)),
        ("tanh", {}, ()),
        ("abs", {}, (0,)),
        ("l1", {}, ()),
    ],
)
def test_kinks_are_found(op: str, options: dict[str, Any], kinks: tuple[float, ...]) -> None:
    assert kinks_of(find(op)(**options)) == kinks


def test_a_loss_at_its_kink_is_drawn_again() -> None:
    coarse = {"low": -1, "high": 1, "step": 1}
    network = {"layers": [{"op": "identity"}]}
    tree = {"network": network, "inputs": {"shape": [3], **coarse}, "targets": {"shape": [3], **coarse}, "loss": "l1"}
    for seed in range(20):
        problem = make_instance(template(tree), seed).problem
        assert (problem["inputs"] != problem["targets"]).all()


def test_constants_that_have_a_name() -> None:
    named = named_constants([3, 5], [find("relu")(scale=7.0)])
    assert {Fraction(1, 2), Fraction(3, 5), Fraction(2, 7), Fraction(1, 15), Fraction(4)} < named
    assert {Fraction(4, 5), Fraction(1, 30)}.isdisjoint(named)
