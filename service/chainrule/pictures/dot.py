"""A graph of computations in DOT, the language of Graphviz. Names stand in labels alone, quoted; nodes are numbered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chainrule.pictures.graphs import FILLS, GRADIENT, VALUE, Arrow, Box
from chainrule.pictures.svg import plain


def graph_dot(title: str, boxes: Sequence[Box], arrows: Sequence[Arrow]) -> str:
    """The graph as DOT."""
    return "\n".join(["digraph {", *(f"  {line}" for line in _lines(title, boxes, arrows)), "}", ""])


def _lines(title: str, boxes: Sequence[Box], arrows: Sequence[Arrow]) -> Iterator[str]:
    yield f"graph [rankdir=LR, tooltip={quoted([title])}];"
    yield 'node [fontname="sans-serif", fontsize=12, style="filled,rounded", fillcolor="#ffffff", shape=box];'
    yield 'edge [fontname="sans-serif", fontsize=11, color="#666666"];'
    for number, box in enumerate(boxes):
        fill = FILLS.get(box.kind)
        look = f', fillcolor="{fill}"' if fill else ""
        shape = ", shape=ellipse" if box.kind in ("input", "parameter", "targets") else ""
        yield f"n{number} [label={quoted(box.lines)}{look}{shape}];"
    for arrow in arrows:
        words = [text for text, _ in arrow.labels]
        colour = VALUE if arrow.gradient is None else GRADIENT
        label = f' [label={quoted(words)}, fontcolor="{colour}"]' if words else ""
        yield f"n{arrow.source} -> n{arrow.target}{label};"


def quoted(lines: Sequence[str]) -> str:
    """Lines of a label in quotes. A backslash would begin an escape, and a quote end the label."""
    escaped = [plain(line).replace("\\", "\\\\").replace('"', '\\"') for line in lines]
    return '"' + "\\n".join(" ".join(line.split()) if line.split() else line for line in escaped) + '"'
