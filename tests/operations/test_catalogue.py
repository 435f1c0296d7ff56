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
