"""Numbers are printed to four digits, and are equal only where that is all of them."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.derivation.numbers import fits, number, shown


@pytest.mark.parametrize(
    ("value", "latex", "exact"),
    [
        (3.0, "3", True),
        (-0.0, "0", True),
        (0.125, "0.125", True),
        (1 / 3, "0.3333", False),
        (0.203125, "0.2031", False),
        (1e-12, "10^{-12}", True),
        (-1e-12, "-10^{-12}", True),
        (123456.0, r"1.235 \cdot 10^{5}", False),
        (float("inf"), r"\infty", True),
        (float("nan"), r"\mathrm{NaN}", True),
    ],
)
def test_a_number(value: float, latex: str, exact: bool) -> None:
    found = number(value)
    assert (found.latex, found.exact) == (latex, exact)


def test_tensors() -> None:
    assert shown(np.array(2.0)).latex == "2"
    assert shown(np.array([1.0, 2.0])).latex == r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"
    assert shown(np.arange(4.0)).latex == r"\begin{pmatrix} 0 & 1 & 2 & 3 \end{pmatrix}^{\top}"
    assert shown(np.array([[1.0, 2.0]])).latex == r"\begin{pmatrix} 1 & 2 \end{pmatrix}"
    assert shown(np.array([[1.0], [2.0]])).latex == r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"
    assert shown(np.diag([3.0, 0.0])).latex == r"\operatorname{diag}\left(3, 0\right)"
    assert shown(np.array([[1.0, 2.0], [3.0, 4.0]])).latex == r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}"


def test_what_is_few() -> None:
    assert fits(())
    assert fits((8, 8))
    assert not fits((9,))
    assert not fits((2, 2, 2))
