"""The page on flow has a row for every activation whose units may be quiet: the word for them, and where they are."""

from __future__ import annotations

import re

import numpy as np
import pytest

from chainrule.engine.backends import choose
from chainrule.engine.flow import QUIET
from chainrule.engine.op import Elementwise
from chainrule.engine.registry import ops
from docs.pages import ROOT

PAGE = (ROOT / "docs" / "flow.md").read_text(encoding="utf-8").partition("## Saturated and inactive")[2]
ROWS = {op: (word, where) for op, word, where in re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \|$", PAGE, re.MULTILINE)}
NAMED = {name: op for name, op in ops().items() if issubclass(op, Elementwise) and op.quiet}


def test_every_activation_that_has_quiet_units_is_there_with_its_word() -> None:
    assert {name: word for name, (word, _) in ROWS.items()} == {name: op.quiet for name, op in NAMED.items()}


@pytest.mark.parametrize("name", [name for name, (_, where) in ROWS.items() if re.search(r"[±−]\d\.\d\d", where)])
def test_the_bounds_told_are_where_units_become_quiet(name: str) -> None:
    xp = choose("numpy", "cpu", "float64")
    op = NAMED[name]()
    assert isinstance(op, Elementwise)
    s = np.linspace(-8, 8, 1_600_001)
    quiet = np.abs(op.derivative(xp, s, op.f(xp, s))) <= QUIET * op.steepest()
    edges = sorted({f"{abs(s[edge]):.2f}" for edge in np.flatnonzero(np.diff(quiet.astype(int)))})
    told = sorted(set(re.findall(r"\d\.\d\d(?!\d)", ROWS[name][1].partition("outside")[0])))
    assert told == edges
