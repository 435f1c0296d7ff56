"""The catalogue lists every op, family by family."""

from __future__ import annotations

from itertools import groupby

import pytest

from chainrule.engine.ops.rectifiers import Relu
from chainrule.engine.registry import FAMILIES, ops, register
from chainrule.operations import Refused
from chainrule.operations.catalogue import catalogue, describe_op


def test_families_stand_together_in_their_order() -> None:
    entries = catalogue()["ops"]
    assert tuple(family for family, _ in groupby(entry["family"] for entry in entries)) == FAMILIES
    assert len(entries) == len(ops())


def test_an_op_of_no_family_is_not_registered() -> None:
    class Stray(Relu):
        name = "stray"
        aliases = ()
        family = "none"

    with pytest.raises(ValueError, match="stray is of the family none, which is none of linear, activation"):
        register(Stray)
    assert "stray" not in ops()


@pytest.mark.parametrize(
    ("name", "says"), [("rleu", "did you mean relu"), ("zzzz", "GET /v1/ops lists those there are")]
)
def test_an_op_that_is_none_is_not_found(name: str, says: str) -> None:
    with pytest.raises(Refused, match=says) as refused:
        describe_op(name)
    assert refused.value.status == 404


def test_a_curve_has_the_options_asked_for() -> None:
    curve = describe_op("leaky_relu", -1, 1, 3, {"slope": 0.1})["curve"]
    assert curve["derivative"].tolist() == [0.1, 0.1, 1]
    assert curve["kink_derivatives"].tolist() == [0.1]


@pytest.mark.parametrize(
    ("op", "options", "pointer"),
    [
        ("leaky_relu", {"slop": 0.1}, "/slop"),
        ("leaky_relu", {"slope": "0.1"}, "/slope"),
        ("leaky_relu", {"op": "relu"}, "/op"),
        ("leaky_relu", {"name": "a"}, "/name"),
        ("softplus", {"beta": 0}, "/beta"),
        ("hardtanh", {"min_val": 3}, ""),
        ("prelu", {"slope": [[0.1]]}, ""),
        ("mse", {"scale": 2}, ""),
    ],
)
def test_options_that_are_none_are_refused(op: str, options: dict[str, object], pointer: str) -> None:
    with pytest.raises(Refused) as refused:
        describe_op(op, options=options)
    assert refused.value.faults[0].pointer == pointer


def test_kinks_have_their_value_and_the_derivative_used_wherever_the_points_are() -> None:
    curve = describe_op("hardtanh", -2, 2, 4)["curve"]
    assert curve["kinks"].tolist() == curve["kink_values"].tolist() == [-1, 1]
    assert curve["kink_derivatives"].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("options", "low", "high"),
    [({"min_val": -0.3, "max_val": 0.7}, -5, 5), ({"min_val": -20, "max_val": 21.5}, -33, 33)],
)
def test_kinks_at_bounds_that_no_point_falls_on_are_found(options: dict[str, float], low: float, high: float) -> None:
    curve = describe_op("hardtanh", low, high, 201, options=options)["curve"]
    assert curve["kinks"].tolist() == list(options.values())
