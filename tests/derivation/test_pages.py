"""Pages: lines that fit, HTML that is well formed and needs no network, whatever the names are."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from chainrule.derivation.pages.derivation import blocks_of
from chainrule.derivation.pages.html import mathml, page
from chainrule.derivation.pages.measure import broken, width
from chainrule.operations import run
from chainrule.operations.instances.library import Library
from chainrule.operations.instances.references import Problems
from derivation.test_symbols import HOSTILE

ROWS = [f"nyu-hw1/{problem.id}" for problem in next(iter(Library().sets())).problems]
ON_FILE = Problems(Library())


def derived(row: str, **how: Any) -> dict[str, Any]:
    """The reply for a row of the homework."""
    given = {"backend": "numpy", "layout": "numerator", "wrt": "all", **how}
    return run("derivation", {**ON_FILE.instance(row, 3).problem, **given})


def hostile(**how: Any) -> dict[str, Any]:
    """The reply for a network whose nodes have names that would be commands."""
    names = [*HOSTILE, "out"]
    nodes = [
        {"name": name, "op": "tanh", "inputs": [before]} for name, before in zip(names, ["x", *names], strict=False)
    ]
    network = {"nodes": nodes, "output": "out"}
    asked = {"network": network, "inputs": [[0.5, 1]], "targets": [[0, 1]], "loss": "mse", "backend": "numpy"}
    return run("derivation", {**asked, "wrt": "all", **how})


def test_a_wider_formula_is_wider() -> None:
    formulas = ["x", "x + y", r"x + \frac{\partial y}{\partial x}", r"\begin{pmatrix} 1 & 2 & 3 \end{pmatrix} (x + y)"]
    widths = [width(formula) for formula in formulas]
    assert widths == sorted(widths)
    assert width(r"\frac{a + b}{c}") < width("a + b = c")
    assert width(r"\tilde{y}") == width("y")


def test_a_formula_is_broken_where_it_may_be() -> None:
    product = r" \, ".join([r"\frac{\partial a}{\partial b}"] * 12)
    lines = broken(f"x = {product} + {product}", 30)
    assert len(lines) > 2
    assert all(width(line) <= 31 for line in lines)
    assert all(line.count("{") == line.count("}") for line in lines)
    assert broken("x = y", 30) == ["x = y"]


def test_parentheses_are_opened_where_they_are_too_wide() -> None:
    inside = r" \, ".join([r"\frac{\partial a}{\partial b}"] * 12)
    lines = broken(rf"x = \sum_{{m=1}}^{{N}} \left({inside}\right)_{{m}}", 20)
    assert len(lines) > 1
    assert not any(r"\left" in line for line in lines)
    assert r"\Bigl(" in "".join(lines)
    assert r"\Bigr)_{m}" in lines[-1]


@pytest.mark.parametrize("row", ROWS)
def test_html_is_well_formed_and_needs_no_network(row: str) -> None:
    check_html(page(blocks_of(derived(row))))


def test_html_of_hostile_names() -> None:
    check_html(page(blocks_of(hostile())))


def check_html(found: str) -> None:
    body = found[found.index("<body>") : found.index("</html>")]
    tree = ElementTree.fromstring(body)
    assert len(list(tree.iter("{http://www.w3.org/1998/Math/MathML}math"))) > 3
    assert "\\" not in body
    assert not re.search(r"<(script|link|img|iframe)|src=|href=|@import|url\(", found)
    assert re.findall(r"https?://[^\"<]*", found.replace("http://www.w3.org/1998/Math/MathML", "")) == []


@pytest.mark.parametrize(
    ("latex", "shown"),
    [
        (r"\mathbf{1}[s > 0]", "&#x0003E;"),
        (r"\left.\frac{\partial w}{\partial b}\right|_{\mathrm{direct}}", "mfrac"),
        (r"\lfloor (3 \, i + j) / 4 \rfloor \bmod 3", "mod"),
        (r"\lVert x \rVert^{2}", "msup"),
        (r"\begin{cases} s & \text{where } s > 0 \\ 0 & \text{else} \end{cases}", "mtable"),
        (r"A : B", "<mi>:</mi>"),
    ],
)
def test_every_sign_that_is_used_becomes_mathml(latex: str, shown: str) -> None:
    found = mathml(latex)
    assert shown in found
    assert "\\" not in found
