"""How pieces of LaTeX are put together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def bracketed(printed: str) -> str:
    """In parentheses, as tall as they have to be."""
    tall = any(sign in printed for sign in (r"\frac", r"\sum", r"\max_", r"\begin", r"\left", r"\sqrt"))
    return rf"\left({printed}\right)" if tall else f"({printed})"


def joined(factors: Sequence[str]) -> str:
    """Factors with a little space between them, and a dot where two numbers would run together."""
    found = factors[0]
    for before, factor in pairwise(factors):
        close = factor.startswith(r"\left") or (factor.startswith("(") and before[-1].isdigit())
        found += (r" \cdot " if factor[0].isdigit() else " " if close else r" \, ") + factor
    return found


def number_latex(number: float) -> str:
    """A number in full, as 3, 0.5 or 2.5 · 10⁻⁷."""
    if number != number or number in (float("inf"), float("-inf")):
        return r"\mathrm{NaN}" if number != number else r"\infty" if number > 0 else r"-\infty"
    text = repr(float(number)) if not isinstance(number, int) else repr(number)
    mantissa, _, exponent = text.removesuffix(".0").partition("e")
    if not exponent:
        return mantissa
    power = rf"10^{{{int(exponent)}}}"
    return power if mantissa == "1" else rf"{mantissa} \cdot {power}"
