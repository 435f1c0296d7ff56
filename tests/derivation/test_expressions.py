"""How expressions are put together and printed, with no more parentheses than they need."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule.derivation.conditions import Cases, Relation, where
from chainrule.derivation.expressions import Env, Expression, Number, Size, add, mul
from chainrule.derivation.functions import exp, log, sigma, tanh
from chainrule.derivation.indexed import Index, Symbol, entry, summed
from chainrule.derivation.printing import number_latex

i, j = Index("i", 2), Index("j", 3)
x, y, w = Symbol("x", "x"), Symbol("y", "y"), Symbol("W1", "W", sup="(1)")
xi, yi = entry(x, (i,)), entry(y, (i,))

PRINTED = [
    (1 * xi + 0, "x_{i}"),
    (0 * xi, "0"),
    (xi - yi, "x_{i} - y_{i}"),
    (2 * (xi - yi), "2 (x_{i} - y_{i})"),
    (xi * (1 - xi), r"x_{i} \, (1 - x_{i})"),
    (-(xi + yi), "-(x_{i} + y_{i})"),
    (1 - (xi - yi), "1 - (x_{i} - y_{i})"),
    (xi * -yi, r"-x_{i} \, y_{i}"),
    (Number(3) * 2 * xi, r"6 \, x_{i}"),
    (1 / Size("K", 5) * (2 * xi), r"\frac{2}{K} \, x_{i}"),
    (Number(0.1) * 3 * xi, r"0.1 \cdot 3 \, x_{i}"),
    (1 - tanh(xi) ** 2, r"1 - \tanh^{2}(x_{i})"),
    ((xi / yi) ** 2, r"\left(\frac{x_{i}}{y_{i}}\right)^{2}"),
    (entry(w, (i, j)) ** 2, "(W_{ij}^{(1)})^{2}"),
    (summed((j,), entry(w, (i, j)) * entry(x, (j,))) + yi, r"\sum_{j} W_{ij}^{(1)} \, x_{j} + y_{i}"),
    (summed((j,), 1 - entry(x, (j,))) * yi, r"\left(\sum_{j} (1 - x_{j})\right) \, y_{i}"),
    (summed((j,), -entry(x, (j,))), r"-\sum_{j} x_{j}"),
    (log(summed((j,), exp(entry(x, (j,))))), r"\log\left(\sum_{j} e^{x_{j}}\right)"),
    (sigma(-xi), r"\sigma(-x_{i})"),
    (where(xi, ">", 0) * 3, r"3 \, \mathbf{1}[x_{i} > 0]"),
    (
        Cases(((xi, Relation(xi, ">", Number(0))),), 0.5 * xi),
        r"\begin{cases} x_{i} & \text{where } x_{i} > 0 \\ 0.5 \, x_{i} & \text{else} \end{cases}",
    ),
    (entry(x, (3 * i + 1,)), r"x_{3 \, i + 1}"),
]


@pytest.mark.parametrize(("expression", "latex"), PRINTED, ids=lambda each: each if isinstance(each, str) else "")
def test_an_expression_is_printed(expression: Expression, latex: str) -> None:
    assert expression.latex() == latex


@pytest.mark.parametrize(
    ("number", "latex"),
    [(3.0, "3"), (-2, "-2"), (0.5, "0.5"), (1e-12, "10^{-12}"), (2.5e-7, r"2.5 \cdot 10^{-7}"), (1e20, "10^{20}")],
)
def test_a_number_is_printed_in_full(number: float, latex: str) -> None:
    assert number_latex(number) == latex


def test_what_is_taken_together_has_the_same_value() -> None:
    rng = np.random.default_rng(0)
    values: dict[str, Any] = {"x": rng.uniform(size=5), "y": rng.uniform(size=5), "W1": rng.uniform(size=(5, 5))}
    env = Env(values, {}).over({"i": 2, "j": 3})
    rows, columns = np.arange(2)[:, None], np.arange(3)
    left, right = values["x"][rows], values["W1"][rows, columns]
    found = mul(-1, 2, add(xi, -1), -entry(w, (i, j)), 0.5).value(env)
    np.testing.assert_allclose(found, (left - 1) * right, rtol=1e-15)


def test_a_sum_goes_over_what_does_not_depend_on_its_index() -> None:
    env = Env({"x": np.array([1.0, 2.0])}, {}).over({"i": 2})
    np.testing.assert_array_equal(summed((Index("k", 4),), xi).value(env), [4.0, 8.0])
