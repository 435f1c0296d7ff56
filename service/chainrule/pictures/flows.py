"""The flow of a gradient through a network: norms and shares over depth, a line for each alternative."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

from chainrule.pictures.plots import COLOURS, DASHES, SHAPES, Figure, Look, Panel, Series, draw
from chainrule.pictures.scales import Scale, linear_scale, logarithmic_scale

Named = Sequence[tuple[str, float]]

MOST_PLACES = 400
"""Nodes that are drawn, of more every so-many-th: a picture has no more room."""
MOST_NAMES = 34
"""Names under an axis."""
WIDTH = 420.0


@dataclass(frozen=True, slots=True)
class FlowLine:
    """One alternative: the cotangent's norm at each node, the share of quiet units where there are any, and the norm of
    each parameter's gradient."""

    label: str
    cotangents: Named
    quiet: Named
    gradients: Named


def flows_svg(lines: Sequence[FlowLine]) -> str:
    """Three panels over depth, as SVG."""
    looks = [Look(number % len(COLOURS), number % len(DASHES), number % len(SHAPES)) for number in range(len(lines))]
    panels = [
        _panel("‖∂C/∂node‖", [line.cotangents for line in lines], looks),
        _panel("share of units that are saturated or inactive", [line.quiet for line in lines], looks, share=True),
        _panel("‖∂C/∂parameter‖", [line.gradients for line in lines], looks),
    ]
    shown = [panel for panel in panels if panel.names]
    legend = [(line.label, look) for line, look in zip(lines, looks, strict=True)]
    title = "How much of the gradient gets through: " + ", ".join(line.label for line in lines)
    return draw(Figure(title, shown or panels[:1], legend, columns=2, width=WIDTH))


def _panel(title: str, lines: Sequence[Named], looks: Sequence[Look], *, share: bool = False) -> Panel:
    places = list(dict.fromkeys(name for line in lines for name, _ in line))
    step = -(-len(places) // MOST_PLACES) or 1
    places = places[::step]
    found = [dict(line) for line in lines]
    series = [
        Series([(float(at), values.get(name, nan)) for at, name in enumerate(places)], look)
        for values, look in zip(found, looks, strict=True)
    ]
    sizes = [y for each in series for _, y in each.points]
    every = -(-len(places) // MOST_NAMES) or 1
    names = [name if at % every == 0 else "" for at, name in enumerate(places)]
    room = max(0.5, 0.03 * len(places))  # so that the first name is clear of the numbers beside the axis
    across = Scale(-room, max(len(places), 1) - 1 + room)
    up = linear_scale([0, 1]) if share else logarithmic_scale(sizes)
    return Panel(title, across, up, series, names=[_short(name) for name in names])


def _short(name: str) -> str:
    return name if len(name) <= 16 else f"{name[:15]}…"
