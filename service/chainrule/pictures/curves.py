"""Functions of one number, and their derivatives: a panel each, kinks marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, nan
from typing import Any

from chainrule.pictures.plots import Figure, Look, Panel, Series, draw
from chainrule.pictures.scales import linear_scale

VALUE, DERIVATIVE = Look(colour=0), Look(colour=1, dash=1)
VALUE_AT_KINK, USED_AT_KINK = Look(colour=0, shape=0, ring=True, lined=False), Look(colour=1, shape=0, lined=False)
LEGEND = (("value", VALUE), ("derivative", DERIVATIVE))
LEGEND_OF_KINKS = (("kink", VALUE_AT_KINK), ("derivative used there", USED_AT_KINK))

FAR = 8.0
"""A range so many times as long as that of nearly all values is cut down to it: a pole would leave nothing to see."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A function sampled: at each x its value and derivative, and at each kink (x, value, derivative used there)."""

    name: str
    x: Sequence[float]
    value: Sequence[float]
    derivative: Sequence[float]
    kinks: Sequence[tuple[float, float, float]] = ()


def curve_from(name: str, told: Mapping[str, Sequence[Any]]) -> Curve:
    """The curve that a description of an op has, as it is or as its JSON: `x`, `value`, `derivative`, and the kinks."""
    x, value, derivative = ([float(each) for each in told[part]] for part in ("x", "value", "derivative"))
    parts = (told[part] for part in ("kinks", "kink_values", "kink_derivatives"))
    kinks = [(float(at), float(y), float(used)) for at, y, used in zip(*parts, strict=True)]
    return Curve(name, x, value, derivative, kinks)


def curves_svg(curves: Sequence[Curve], columns: int = 4) -> str:
    """The curves side by side, as SVG."""
    legend = LEGEND + (LEGEND_OF_KINKS if any(curve.kinks for curve in curves) else ())
    title = "Value and derivative of " + ", ".join(curve.name for curve in curves)
    return draw(Figure(title, [_panel(curve) for curve in curves], legend, columns=columns))


def _panel(curve: Curve) -> Panel:
    shown = [*curve.value, *curve.derivative, *(y for kink in curve.kinks for y in kink[1:])]
    series = [
        Series(list(zip(curve.x, curve.value, strict=True)), VALUE),
        Series(_broken(curve), DERIVATIVE),
        Series([(x, y) for x, y, _ in curve.kinks], VALUE_AT_KINK, joined=False),
        Series([(x, y) for x, _, y in curve.kinks], USED_AT_KINK, joined=False),
    ]
    return Panel(curve.name, linear_scale(curve.x, room=0.02), linear_scale(_within(shown)), series, x_label="s")


def _within(values: Sequence[float]) -> list[float]:
    """Those that decide how far the axis goes."""
    finite = sorted(value for value in values if isfinite(value)) or [0.0]
    low, high = finite[len(finite) // 20], finite[-1 - len(finite) // 20]
    span = (high - low) or 1.0
    if finite[-1] - finite[0] <= FAR * span:
        return finite
    return [value for value in finite if low - span <= value <= high + span]


def _broken(curve: Curve) -> list[tuple[float, float]]:
    """The derivative's points, with a gap at each kink up to which either side is drawn on."""
    points = list(zip(curve.x, curve.derivative, strict=True))
    for kink, *_ in curve.kinks:
        before = [point for point in points if point[0] < kink]
        after = [point for point in points if point[0] > kink]
        points = [*before, *_drawn_on(before[-2:], kink), (kink, nan), *_drawn_on(after[1::-1], kink), *after]
    return points


def _drawn_on(two: Sequence[tuple[float, float]], to: float) -> list[tuple[float, float]]:
    """The straight line through two points, at `to`; nothing where it is steep, as before a pole."""
    for (a, at_a), (b, at_b) in pairwise(two):
        if a == b or not (isfinite(at_a) and isfinite(at_b)):
            continue
        slope = (at_b - at_a) / (b - a)
        end = at_b + slope * (to - b)
        if abs(end - at_b) <= 0.1 * (1 + abs(at_b)):
            return [(to, end)]
    return []
