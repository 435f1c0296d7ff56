"""A graph of computations as SVG: boxes in columns, edges with what flows along them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from chainrule.pictures.layout import Layout, lay_out
from chainrule.pictures.svg import Markup, document, element, number, text, width_of

LINE, PADDING = 15.0, 8.0
MARGIN, GAP, LEAST_ROW = 16.0, 46.0, 26.0
SMALL = 11
INK, EDGE, VALUE, GRADIENT = "#222", "#666", "#0072b2", "#b34a00"

FILLS = {"input": "#e3f0fa", "parameter": "#e6f4ea", "targets": "#f3f3f3", "loss": "#fdeadd", "penalty": "#fdeadd"}
ROUND = 7.0

LONGEST_NAME = 32
PORTS = 0.72
"""How much of a box's side edges share."""


@dataclass(frozen=True, slots=True)
class Box:
    """A node: its lines, the first of them its name, and what kind it is of (input, parameter, node, loss, …)."""

    lines: Sequence[str]
    kind: str = "node"

    @property
    def shown(self) -> list[str]:
        return [line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…" for line in self.lines]

    @property
    def width(self) -> float:
        first, *rest = self.shown
        return 2 * PADDING + max([width_of(first) * 1.06, *(width_of(line, SMALL) for line in rest)])

    @property
    def height(self) -> float:
        return LINE * len(self.lines) + 10


@dataclass(frozen=True, slots=True)
class Arrow:
    """An edge between two boxes, by number, with the value that goes along it and the gradient that comes back."""

    source: int
    target: int
    value: str | None = None
    gradient: str | None = None

    @property
    def labels(self) -> list[tuple[str, str]]:
        """The lines at the edge, each with its colour."""
        told = [(self.value, VALUE), (self.gradient, GRADIENT)]
        return [(words, colour) for words, colour in told if words is not None]


def graph_svg(title: str, boxes: Sequence[Box], arrows: Sequence[Arrow]) -> str:
    """The graph as SVG. Raises NoLayout, and TooLarge."""
    layout = lay_out(len(boxes), [(arrow.source, arrow.target) for arrow in arrows])
    drawing = _Drawing(boxes, arrows, layout)
    marks = list(drawing.marks())
    return document(drawing.width, drawing.height, title, *marks)


class _Drawing:
    """Boxes and arrows in pixels."""

    def __init__(self, boxes: Sequence[Box], arrows: Sequence[Arrow], layout: Layout) -> None:
        self.boxes, self.arrows, self.layout = boxes, arrows, layout
        columns = 1 + max(column for column, _ in layout.places)
        self.widths = [
            max((box.width for box, (at, _) in zip(boxes, layout.places, strict=True) if at == column), default=0.0)
            for column in range(columns)
        ]
        legend = self._legend()
        pairs = Counter((arrow.source, arrow.target) for arrow in arrows)
        self.most = max(pairs.values(), default=1)
        self.apart = max(12.0, LINE * self._most_labels() + 4)
        self.top = MARGIN + (LINE + 8 if legend else 0) + self.apart * (self.most - 1) / 2
        self.row = max(box.height for box in boxes) + max(LEAST_ROW, 1.6 * LINE * self._most_labels())
        self.row = max(self.row, self.apart * (self.most + 1))
        gaps = [GAP] * columns
        for arrow in arrows:  # whose label stands right after the column that it leaves
            column = layout.places[arrow.source][0]
            gaps[column] = max(gaps[column], GAP + _label_width(arrow))
        self.lefts = [MARGIN + sum(self.widths[:at]) + sum(gaps[:at]) for at in range(columns)]
        rows = [row for _, row in layout.places] + [row for way in layout.passed.values() for _, row in way]
        self.first = min(rows)
        self.width = max(self.lefts[-1] + self.widths[-1] + MARGIN, 200.0 if legend else 0.0)
        self.height = self.top + (max(rows) - self.first) * self.row + max(box.height for box in boxes) + MARGIN
        self.height += self.apart * (self.most - 1) / 2

    def marks(self) -> Iterator[Markup]:
        """Everything, what lies above coming later."""
        if self._legend():
            yield text(MARGIN, MARGIN + 10, "value", fill=VALUE, font_size=SMALL)
            yield text(MARGIN + 50, MARGIN + 10, "gradient", fill=GRADIENT, font_size=SMALL)
        ways = self._ways()
        for way in ways:
            yield from _edge(way)
        for node, box in enumerate(self.boxes):
            yield self._box(box, *self._centre(node))
        yield from self._labels(ways)

    def _legend(self) -> bool:
        return any(arrow.labels for arrow in self.arrows)

    def _most_labels(self) -> int:
        return max((len(arrow.labels) for arrow in self.arrows), default=0)

    def _y(self, row: float) -> float:
        return self.top + (row - self.first) * self.row + max(box.height for box in self.boxes) / 2

    def _centre(self, node: int) -> tuple[float, float]:
        column, row = self.layout.places[node]
        return self.lefts[column] + self.widths[column] / 2, self._y(row)

    def _beside(self) -> list[float]:
        """How far each of several edges between the same two boxes is moved aside."""
        edges = [(arrow.source, arrow.target) for arrow in self.arrows]
        many, seen = Counter(edges), Counter[tuple[int, int]]()
        found = []
        for edge in edges:
            found.append(seen[edge] - (many[edge] - 1) / 2)
            seen[edge] += 1
        return found

    def _ways(self) -> list[list[tuple[float, float]]]:
        """Corners of each edge: level through a column, slanting between two."""
        beside = self._beside()
        routes = [self.layout.way((arrow.source, arrow.target)) for arrow in self.arrows]
        leaving = self._ports([a.source for a in self.arrows], [route[1][1] for route in routes], beside)
        arriving = self._ports([a.target for a in self.arrows], [route[-2][1] for route in routes], beside)
        return [self._way(at, routes[at], beside[at], leaving[at], arriving[at]) for at in range(len(routes))]

    def _ports(self, nodes: Sequence[int], rows: Sequence[float], beside: Sequence[float]) -> list[float]:
        """Where at its box each edge ends, from the middle: in the order of where they lead, so that none cross."""
        found = [0.0] * len(nodes)
        for node in set(nodes):
            edges = sorted((rows[at], beside[at], at) for at, other in enumerate(nodes) if other == node)
            room = PORTS * self.boxes[node].height
            for place, (*_, at) in enumerate(edges):
                found[at] = room * ((place + 0.5) / len(edges) - 0.5)
        return found

    def _way(
        self, at: int, route: Sequence[tuple[int, float]], aside: float, leaving: float, arriving: float
    ) -> list[tuple[float, float]]:
        """Corners of one edge. Edges between the same two boxes part in the middle."""
        source, target = self.arrows[at].source, self.arrows[at].target
        (x1, y1), (x2, y2) = self._centre(source), self._centre(target)
        points = [(x1 + self.boxes[source].width / 2, y1 + leaving)]
        for column, row in route[1:-1]:
            y = self._y(row) + aside * self.apart
            points += [(self.lefts[column], y), (self.lefts[column] + self.widths[column], y)]
        points.append((x2 - self.boxes[target].width / 2, y2 + arriving))
        if aside:
            (a, left), (b, right) = points[0], points[1]
            points.insert(1, ((a + b) / 2, (left + right) / 2 + aside * self.apart))
        return points

    def _box(self, box: Box, x: float, y: float) -> Markup:
        left, top = x - box.width / 2, y - box.height / 2
        leaf = box.kind in ("input", "parameter", "targets")
        frame = element(
            "rect",
            x=left,
            y=top,
            width=box.width,
            height=box.height,
            rx=box.height / 2 if leaf else ROUND,
            fill=FILLS.get(box.kind, "#fff"),
            stroke=INK,
        )
        lines = [
            text(
                x,
                top + 5 + LINE * (at + 0.75),
                words,
                text_anchor="middle",
                fill=INK,
                **({"font_weight": "bold"} if at == 0 else {"font_size": SMALL}),
            )
            for at, words in enumerate(box.shown)
        ]
        return element("g", frame, *lines)

    def _labels(self, ways: Sequence[Sequence[tuple[float, float]]]) -> Iterator[Markup]:
        taken: list[tuple[float, float, float, float]] = []
        for arrow, way in zip(self.arrows, ways, strict=True):
            if arrow.labels:
                x, y = _free(_spots(way), _label_width(arrow), LINE * len(arrow.labels), taken)
                self.height = max(self.height, y + LINE * len(arrow.labels) / 2 + MARGIN)
                yield from _label(arrow, x, y)


def _label_width(arrow: Arrow) -> float:
    return max((width_of(words, SMALL) + 8 for words, _ in arrow.labels), default=0.0)


def _spots(way: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Points of an edge where a label may stand, the middle of the first slant before all others."""
    (x1, y1), (x2, y2) = way[0], way[1]
    if len(way) % 2:  # one of several between the same boxes: it has a corner in the middle
        yield way[1]
    for share in (0.5, 0.35, 0.65, 0.2, 0.8):
        yield x1 + share * (x2 - x1), y1 + (3 * share**2 - 2 * share**3) * (y2 - y1)
    for step in range(1, 60):
        for side in (1, -1):
            yield (x1 + x2) / 2, max((y1 + y2) / 2 + side * step * 6, MARGIN + 2 * LINE)


def _free(
    spots: Iterator[tuple[float, float]], width: float, height: float, taken: list[tuple[float, float, float, float]]
) -> tuple[float, float]:
    """The first spot at which a label lies on no other; it is then taken."""
    at = (0.0, 0.0)
    for at in spots:
        box = (at[0] - width / 2, at[1] - height / 2, at[0] + width / 2, at[1] + height / 2)
        if not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
            taken.append(box)
            break
    return at


def _label(arrow: Arrow, x: float, y: float) -> Iterator[Markup]:
    width, height = _label_width(arrow), LINE * len(arrow.labels)
    ground = {"fill": "#fff", "fill_opacity": 0.85}
    yield element("rect", x=x - width / 2, y=y - height / 2, width=width, height=height, rx=3, **ground)
    for at, (words, colour) in enumerate(arrow.labels):
        base = y - height / 2 + LINE * (at + 0.75)
        yield text(x, base, words, text_anchor="middle", fill=colour, font_size=SMALL)


def _edge(way: Sequence[tuple[float, float]]) -> Iterator[Markup]:
    """A line that leaves and arrives level, and its head."""
    (x, y), (end, last) = way[0], way[-1]
    steps = [f"M{number(x)} {number(y)}"]
    for (x1, y1), (x2, y2) in pairwise([*way[:-1], (end - 6, last)]):
        middle = (x1 + x2) / 2
        steps.append(f"C{number(middle)} {number(y1)} {number(middle)} {number(y2)} {number(x2)} {number(y2)}")
    yield element("path", d=" ".join(steps), fill="none", stroke=EDGE, stroke_width=1.3)
    head = [(end, last), (end - 8, last - 4), (end - 8, last + 4)]
    yield element("polygon", points=" ".join(f"{number(a)},{number(b)}" for a, b in head), fill=EDGE)
