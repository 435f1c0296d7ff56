"""Plots: panels side by side, each with axes, ticks, lines and marks, under one legend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

from chainrule.pictures.scales import Scale
from chainrule.pictures.svg import Markup, document, element, number, path, text, width_of

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#3b9ccc", "#333333")
"""Told apart by eyes that see no red, or no green (Okabe and Ito, 2008; the light ones darkened)."""
DASHES = (None, "7 3", "2 2.5", "9 3 2 3")
SHAPES = ("circle", "square", "triangle", "diamond")

TITLE, GAP, LINE = 22.0, 18.0, 18.0
LEAST_LEFT, BOTTOM = 34.0, 40.0
INK, FAINT = "#222", "#ddd"

Placing = Callable[[float], float]
"""Where in a panel a value stands, along one axis."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a line or its marks are drawn: by colour, dash and shape, so that colour is never alone."""

    colour: int = 0
    dash: int = 0
    shape: int | None = None
    ring: bool = False
    """The mark is hollow, and wide enough to be seen around another."""
    lined: bool = True
    """In the legend: whether it stands for a line."""

    @property
    def stroke(self) -> str:
        return COLOURS[self.colour % len(COLOURS)]


@dataclass(frozen=True, slots=True)
class Series:
    """Points, joined by lines where `joined`. A point that is not finite leaves a gap."""

    points: Sequence[tuple[float, float]]
    look: Look
    joined: bool = True


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot. `names`: what stands under x = 0, 1, 2, … in place of numbers."""

    title: str
    x: Scale
    y: Scale
    series: Sequence[Series]
    x_label: str = ""
    y_label: str = ""
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """Panels in rows, and a legend: what each look stands for."""

    title: str
    panels: Sequence[Panel]
    legend: Sequence[tuple[str, Look]] = ()
    columns: int = 4
    width: float = 250.0
    """Of the area that a panel plots in."""
    height: float = 190.0


def draw(figure: Figure) -> str:
    """The figure as SVG."""
    columns = max(1, min(figure.columns, len(figure.panels)))
    left = max([LEAST_LEFT, *(_left(panel) for panel in figure.panels)])
    bottom = max([BOTTOM, *(_bottom(panel, figure.width) for panel in figure.panels)])
    across, down = left + figure.width + GAP, TITLE + figure.height + bottom + 8
    whole = max(columns * across, _legend_width(figure.legend)) + GAP
    legend = list(_legend(figure.legend, whole))
    top = LINE * (1 + max((row for row, _ in legend), default=-1)) + (10 if legend else 4)
    drawn = [mark for _, mark in legend]
    for position, panel in enumerate(figure.panels):
        row, column = divmod(position, columns)
        at = (column * across + left, top + row * down + TITLE)
        drawn.append(_panel(panel, at, figure.width, figure.height, f"area{position}"))
    rows = -(-len(figure.panels) // columns)
    return document(whole, top + rows * down, figure.title, *drawn)


def _left(panel: Panel) -> float:
    widest = max((width_of(words, 11) for _, words in panel.y.ticks(6)), default=0)
    return widest + 12 + (18 if panel.y_label else 0)


def _turned(panel: Panel, width: float) -> bool:
    """Whether the names under the axis stand upright, because side by side they have no room."""
    return bool(panel.names) and max(width_of(name, 11) for name in panel.names) + 6 > width / len(panel.names)


def _bottom(panel: Panel, width: float) -> float:
    label = 16 if panel.x_label else 0
    return 14 + label + (max(width_of(name, 11) for name in panel.names) if _turned(panel, width) else 12)


def _panel(panel: Panel, at: tuple[float, float], width: float, height: float, name: str) -> Markup:
    def x(value: float) -> float:
        return min(max(panel.x.at(value), -10.0), 11.0) * width

    def y(value: float) -> float:
        return (1 - min(max(panel.y.at(value), -10.0), 11.0)) * height

    area = element("clipPath", element("rect", x=-4, y=-4, width=width + 8, height=height + 8), id=name)
    inside = element("g", *_series(panel, x, y), clip_path=f"url(#{name})")
    frame = element("rect", width=width, height=height, fill="none", stroke="#888")
    title = text(0, -7, panel.title, font_weight="bold", fill=INK)
    axes = [*_x_axis(panel, x, width, height), *_y_axis(panel, y, width, height)]
    place = f"translate({number(at[0])} {number(at[1])})"
    return element("g", area, *axes, frame, inside, title, transform=place)


def _x_axis(panel: Panel, x: Placing, width: float, height: float) -> Iterator[Markup]:
    turned = _turned(panel, width)
    ticks = list(enumerate(panel.names)) if panel.names else panel.x.ticks(6)
    for value, words in ticks:
        place = x(value)
        yield path([(place, 0), (place, height)], stroke=FAINT)
        if turned:
            yield text(0, 4, words, transform=f"translate({number(place)} {number(height + 6)}) rotate(-90)",
                       text_anchor="end", fill=INK, font_size=11)  # fmt: skip
        else:
            yield text(place, height + 15, words, text_anchor="middle", fill=INK, font_size=11)
    if panel.x_label:
        below = _bottom(panel, width) - 4
        yield text(width / 2, height + below, panel.x_label, text_anchor="middle", fill=INK)


def _y_axis(panel: Panel, y: Placing, width: float, height: float) -> Iterator[Markup]:
    for value, words in panel.y.ticks(6):
        place = y(value)
        yield path([(0, place), (width, place)], stroke=FAINT)
        yield text(-6, place + 4, words, text_anchor="end", fill=INK, font_size=11)
    if panel.y_label:
        turn = f"translate({number(12 - _left(panel))} {number(height / 2)}) rotate(-90)"
        yield text(0, 0, panel.y_label, transform=turn, text_anchor="middle", fill=INK)


def _series(panel: Panel, x: Placing, y: Placing) -> Iterator[Markup]:
    for series in panel.series:
        if series.joined:
            for piece in _pieces(series.points, panel.y.logarithmic):
                yield path(
                    [(x(a), y(b)) for a, b in piece],
                    stroke=series.look.stroke,
                    stroke_width=1.8,
                    stroke_linejoin="round",
                    stroke_dasharray=DASHES[series.look.dash % len(DASHES)],
                )
    for series in panel.series:  # marks lie above all lines
        if series.look.shape is not None:
            for piece in _pieces(series.points, panel.y.logarithmic):
                yield from (mark(x(a), y(b), series.look) for a, b in piece)


def _pieces(points: Iterable[tuple[float, float]], logarithmic: bool) -> Iterator[list[tuple[float, float]]]:
    """The runs of points that can be shown."""
    piece: list[tuple[float, float]] = []
    for point in points:
        if all(map(isfinite, point)) and (point[1] > 0 or not logarithmic):
            piece.append(point)
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def mark(x: float, y: float, look: Look) -> Markup:
    """One mark."""
    size = 5.5 if look.ring else 3.6
    colours = {"stroke": look.stroke, "stroke_width": 1.6, "fill": "none" if look.ring else look.stroke}
    match SHAPES[(look.shape or 0) % len(SHAPES)]:
        case "square":
            side = 2 * size - 1
            return element("rect", x=x - side / 2, y=y - side / 2, width=side, height=side, **colours)
        case "triangle":
            corners = [(x, y - size), (x + size, y + size - 1), (x - size, y + size - 1)]
        case "diamond":
            corners = [(x, y - size - 1), (x + size, y), (x, y + size + 1), (x - size, y)]
        case _:
            return element("circle", cx=x, cy=y, r=size - 0.2, **colours)
    return element("polygon", points=" ".join(f"{number(a)},{number(b)}" for a, b in corners), **colours)


SAMPLE = 30.0
"""How long a piece of line in the legend is."""


def _entry_width(words: str) -> float:
    return SAMPLE + 8 + width_of(words) + 18


def _legend_width(legend: Sequence[tuple[str, Look]]) -> float:
    """Of the widest entry: the rest wraps."""
    return max((_entry_width(words) for words, _ in legend), default=0.0) + GAP


def _legend(legend: Sequence[tuple[str, Look]], whole: float) -> Iterator[tuple[int, Markup]]:
    """Each part, and the row that it stands in."""
    row, x = 0, GAP
    for words, look in legend:
        if x > GAP and x + _entry_width(words) > whole:
            row, x = row + 1, GAP
        y = LINE * row + 15
        if look.lined:
            dash = DASHES[look.dash % len(DASHES)]
            line = [(x, y), (x + SAMPLE, y)]
            yield row, path(line, stroke=look.stroke, stroke_width=1.8, stroke_dasharray=dash)
        if look.shape is not None:
            yield row, mark(x + SAMPLE / 2, y, look)
        yield row, text(x + SAMPLE + 8, y + 4, words, fill=INK)
        x += _entry_width(words)
