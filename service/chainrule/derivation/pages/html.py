"""Blocks as a page of HTML that needs nothing else: formulas are MathML, which browsers set by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from chainrule.derivation.pages.blocks import Block, Equations, Heading, Math, Paragraph

_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The chain rule</title>
<style>
body { font-family: Georgia, serif; line-height: 1.5; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { border-bottom: 1px solid #ccc; margin-top: 2.5rem; }
.equations { margin: 1.25rem 0; overflow-x: auto; }
.equations > div { margin: .5rem 0 .5rem 1.5rem; }
.equations math { display: inline math; }
</style>
</head>
<body>
"""


class ConverterMissing(ImportError):
    """The library that makes MathML of LaTeX is not installed."""


def page(blocks: Iterable[Block]) -> str:
    """A whole page. Raises ConverterMissing."""
    return _HEAD + "\n".join(map(_rendered, blocks)) + "\n</body>\n</html>\n"


def _rendered(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h2>{escape(text)}</h2>"
        case Paragraph(pieces):
            shown = (mathml(piece.latex) if isinstance(piece, Math) else escape(piece) for piece in pieces)
            return f"<p>{''.join(shown)}</p>"
        case Equations(lines):
            shown = (f"<div>{mathml(line, block=True)}</div>" for line in lines)
            return f'<div class="equations">{"".join(shown)}</div>'


def mathml(latex: str, *, block: bool = False) -> str:
    """A formula as MathML. Raises ConverterMissing."""
    try:
        from latex2mathml.converter import convert
    except ModuleNotFoundError as error:
        raise ConverterMissing("HTML needs latex2mathml: pip install 'chainrule[derivation]'") from error
    found: str = convert(latex, display="block" if block else "inline")
    # Bars without a form stretch to what stands beside them, the left one and the right one to different things.
    for bar in ("&#x02016;", "&#x0007C;"):
        found = found.replace(f"<mo>{bar}</mo>", f'<mo stretchy="false" lspace="0" rspace="0">{bar}</mo>')
    return found
