"""Blocks as a LaTeX document that needs no more than LaTeX's base and AMS."""

from __future__ import annotations

from collections.abc import Iterable

from chainrule.derivation.pages.blocks import Block, Equations, Heading, Math, Paragraph
from chainrule.derivation.pages.measure import broken

WIDTH = 84
"""Letters to a line of a formula."""

_PREAMBLE = r"""\documentclass[a4paper]{article}
\usepackage[margin=2cm]{geometry}
\usepackage{amsmath}
\usepackage{amssymb}
\allowdisplaybreaks
\raggedbottom
\setlength{\parindent}{0pt}
\setcounter{MaxMatrixCols}{32}
\begin{document}
"""
_EQUALS = (" = ", r" \approx ")
_IN = (r" \in ",)


def document(blocks: Iterable[Block]) -> str:
    """A whole document."""
    return _PREAMBLE + "\n".join(map(_rendered, blocks)) + "\n\\end{document}\n"


def _rendered(block: Block) -> str:
    match block:
        case Heading(text):
            return rf"\section*{{{text}}}"
        case Paragraph(pieces):
            return "".join(f"${piece.latex}$" if isinstance(piece, Math) else piece for piece in pieces) + "\n"
        case Equations(lines):
            return _equations(lines)


def _equations(lines: Iterable[str]) -> str:
    rows: list[str] = []
    for line in lines:
        first, *others = broken(line, WIDTH)
        left, sign, right = _parted(first)
        rows.append(f"{left} &{sign}{right}" if sign else f"{first} &")
        rows += [rf"&\quad {other}" for other in others]
    return "\\begin{align*}\n" + " \\\\[3pt]\n".join(rows) + "\n\\end{align*}"


def _parted(line: str) -> tuple[str, str, str]:
    """Where its first sign of equality is, or else that of what it is in."""
    found = [(line.index(sign), sign) for sign in _EQUALS if sign in line]
    found = found or [(line.index(sign), sign) for sign in _IN if sign in line]
    if not found:
        return line, "", ""
    at, sign = min(found)
    return line[:at], sign.rstrip() + " ", line[at + len(sign) :]
