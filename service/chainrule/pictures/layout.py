"""Where the nodes of a directed graph go: columns from left to right, with as few crossings as can be found.

The columns and the order within them are worked out by fast-sugiyama (Sugiyama et al., 1981; Brandes and Köpf, 2001).
It is asked in each of the ways that it knows, and the drawing with the fewest crossings is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise, product

Edge = tuple[int, int]
Piece = tuple[tuple[int, float], tuple[int, float]]
"""Of an edge, from one column to the next."""
WAYS = tuple(product(("barycenter", "median"), (True, False)))
"""How the order in a column is chosen, and whether neighbours are swapped at the end."""
MOST_PLACES = 1_500
"""Nodes, and columns that edges lead through: the time taken grows faster than with their square."""
THIN = 0.6
"""The room that an edge passing through a column gets, in that of a node."""


class NoLayout(ImportError):
    """The library is not installed."""


class TooLarge(ValueError):
    """More than fits on a page, and than can be laid out while somebody waits."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A column and a row for each node, from 0; and for each edge between different nodes the places that it passes in
    the columns between. Rows are numbers with fractions, at least 1 apart where two nodes share a column."""

    places: Sequence[tuple[int, float]]
    passed: dict[Edge, list[tuple[int, float]]] = field(default_factory=dict)

    def crossings(self) -> int:
        """How often two edges cross."""
        pieces = [piece for edge in self.passed for piece in self._pieces(edge)]
        return sum(_cross(one, other) for one, other in combinations(pieces, 2) if one[0][0] == other[0][0])

    def way(self, edge: Edge) -> list[tuple[int, float]]:
        """The places of an edge, both ends included."""
        return [self.places[edge[0]], *self.passed[edge], self.places[edge[1]]]

    def _pieces(self, edge: Edge) -> Iterator[Piece]:
        way = self.way(edge)
        yield from pairwise(way)


def lay_out(count: int, edges: Sequence[Edge]) -> Layout:
    """Places for nodes 0 … count − 1. The edges make no cycle. Raises NoLayout, and TooLarge."""
    different = list(dict.fromkeys(edges))
    if _places(count, different) > MOST_PLACES:
        raise TooLarge(f"the graph would take more than {MOST_PLACES} places, columns that edges lead through included")
    ways = WAYS if different else WAYS[:1]
    found = [_in_one_way(count, different, *way) for way in ways]
    return min(found, key=lambda layout: (layout.crossings(), _size(layout)))


def _places(count: int, edges: Sequence[Edge]) -> int:
    """About how many there will be. What has no edge leading to it will stand right before the first that takes it."""
    column, takers = [0] * count, [list[int]() for _ in range(count)]
    missing = [0] * count
    for source, target in edges:
        takers[source].append(target)
        missing[target] += 1
    first = [node for node in range(count) if not missing[node]]
    ready = list(first)
    for node in ready:
        for taker in takers[node]:
            column[taker] = max(column[taker], column[node] + 1)
            missing[taker] -= 1
            if not missing[taker]:
                ready.append(taker)
    for node in first:
        column[node] = min((column[taker] for taker in takers[node]), default=1) - 1
    return count + sum(column[target] - column[source] - 1 for source, target in edges)


def _size(layout: Layout) -> tuple[float, float]:
    """How long the edges are, and how high the drawing."""
    ways = [layout.way(edge) for edge in layout.passed]
    slopes = sum(abs(a[1] - b[1]) for way in ways for a, b in pairwise(way))
    return len([place for way in ways for place in way]), slopes


def _in_one_way(count: int, edges: Sequence[Edge], order: str, swapping: bool) -> Layout:
    try:
        from fast_sugiyama import from_edges
    except ModuleNotFoundError as error:
        raise NoLayout(str(error)) from error
    places: dict[int, tuple[int, float]] = {}
    passed: dict[Edge, list[tuple[int, float]]] = {}
    below = 0.0
    for nodes in _parts(count, edges):
        number = {node: at for at, node in enumerate(nodes)}
        own = [(number[source], number[target]) for source, target in edges if source in number]
        if not own:
            places[nodes[0]] = (0, below)
            below += 1
            continue
        ((positions, _, _, pieces),) = from_edges(
            own,
            minimum_length=1,
            vertex_spacing=1,
            dummy_vertices=True,
            dummy_size=THIN,
            ranking_type="minimize",
            crossing_minimization=order,  # type: ignore[arg-type]
            transpose=swapping,
        )
        part = _upright({int(node): place for node, place in positions}, below)
        below = 1 + max(row for _, row in part.values())
        places |= {node: part[at] for node, at in number.items()}
        for (source, target), through in _chains(len(nodes), [(int(a), int(b)) for a, b in pieces or ()]):
            passed[nodes[source], nodes[target]] = [part[at] for at in through]
    return Layout([places[node] for node in range(count)], passed)


def _parts(count: int, edges: Sequence[Edge]) -> list[list[int]]:
    """The nodes that edges connect, part by part, each in order. The library, given several, mixes up their numbers."""
    leader = list(range(count))

    def led_by(node: int) -> int:
        while leader[node] != node:
            leader[node] = node = leader[leader[node]]
        return node

    for source, target in edges:
        one, other = sorted((led_by(source), led_by(target)))
        leader[other] = one
    parts: dict[int, list[int]] = {}
    for node in range(count):
        parts.setdefault(led_by(node), []).append(node)
    return list(parts.values())


def _upright(positions: dict[int, tuple[float, float]], below: float) -> dict[int, tuple[int, float]]:
    """Columns counted from the left in place of heights from the bottom, rows from `below` on and far enough apart."""
    heights = sorted({height for _, height in positions.values()}, reverse=True)
    column = {height: number for number, height in enumerate(heights)}
    least = min(row for row, _ in positions.values())
    return {node: (column[height], row - least + below) for node, (row, height) in sorted(positions.items())}


def _chains(count: int, pieces: Sequence[Edge]) -> Iterator[tuple[Edge, list[int]]]:
    """Every edge that starts at a node, and the nodes of none that it leads through, each of which has one way on."""
    onward = {source: target for source, target in pieces if source >= count}
    for source, target in pieces:
        if source < count:
            through = []
            while target >= count:
                through.append(target)
                target = onward[target]
            yield (source, target), through


def _cross(one: Piece, other: Piece) -> bool:
    """Whether two pieces between the same columns cross; where they meet at an end they do not."""
    return (one[0][1] - other[0][1]) * (one[1][1] - other[1][1]) < 0
