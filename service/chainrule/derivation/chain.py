"""The chain rule itself: gradients as sums over paths of products of factors, in any of the layouts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.derivation.expressions import Env, Number
from chainrule.derivation.factors import (
    CotangentFactor,
    Factor,
    IdentityFactor,
    JacobianFactor,
    MatrixFactor,
    Part,
    VectorFactor,
)
from chainrule.derivation.indexed import OverBatch
from chainrule.derivation.layouts import jacobian_shape
from chainrule.derivation.products import Mirrored, OuterProduct, Times
from chainrule.derivation.subject import Edge, Equation, Subject, fraction
from chainrule.engine.backends import Shape
from chainrule.engine.layouts import Layout

MOST_PATHS = 8
"""Paths that a gradient is written out over; where there are more it is written through ∂C/∂node."""
MOST_FACTORS = 32
"""Edges on all those paths together."""


@dataclass(frozen=True)
class Term:
    """One path's product. With `over_examples` it is summed over the batch."""

    part: Part
    over_examples: bool
    edges: tuple[Edge, ...] = ()
    """Those along the path, with those that are left out of the product."""


@dataclass(frozen=True, eq=False)
class Gradient:
    """∂of/∂(a value): terms that add up to it. Where there is none it is zero."""

    subject: Subject
    of: int
    slot: int
    layout: Layout
    terms: tuple[Term, ...]

    @property
    def shape(self) -> Shape:
        """Of one example, where it is one example's."""
        return jacobian_shape(self.subject.shape(self.of), self.subject.shape(self.slot), self.layout)

    @property
    def left(self) -> str:
        """∂C/∂v."""
        return fraction(self.subject.symbol(self.of).latex(), self.subject.symbol(self.slot).latex())

    @property
    def by_example(self) -> bool:
        """Whether there is one for each example."""
        slots = self.subject.plan.slots
        return slots[self.of].batched or slots[self.slot].batched

    @property
    def edges(self) -> Iterator[Edge]:
        """Every step's own Jacobian that it is made of."""
        for term in self.terms:
            yield from term.edges

    @property
    def element(self) -> Equation | None:
        """What an entry is, where the gradient is one step's own derivative."""
        if len(self.terms) != 1 or not isinstance(self.terms[0].part, JacobianFactor) or self.terms[0].over_examples:
            return None
        edge = self.terms[0].part.edge
        return edge.element if (edge.target, edge.source) == (self.of, self.slot) else None

    def value(self, env: Env) -> Any:
        """The numbers: of one example where there is one for each, else of all."""
        total: Any = np.zeros(self.shape)
        for term in self.terms:
            if term.over_examples:
                total = total + sum(term.part.value(env.example(values)) for values in env.batch)
            else:
                total = total + term.part.value(env)
        return total

    def right(self) -> str:
        """What it is equal to."""
        count = self.subject.batch
        over = [term.part.latex() for term in self.terms if term.over_examples and count is not None]
        plain = [term.part.latex() for term in self.terms if not term.over_examples or count is None]
        if over and count is not None:
            letter = self.subject.letters.free("m")
            plain.insert(0, OverBatch(letter, count, Number(0)).around(" + ".join(over)))
        return " + ".join(plain) if plain else "0"

    def latex(self) -> str:
        """The equation."""
        return self.element.latex() if self.element is not None else f"{self.left} = {self.right()}"


class Chains:
    """Gradients of one value of a subject, in one layout."""

    def __init__(self, subject: Subject, of: int, layout: Layout) -> None:
        self.subject = subject
        self.of = of
        self.layout = layout
        self.through: dict[int, Gradient] = {}
        """Those of nodes that others are written through."""
        self._gradients: dict[int, Gradient] = {}

    def gradient(self, slot: int) -> Gradient:
        """With respect to a value. What it is written through is in `through` afterwards."""
        waiting = [slot]
        while waiting:
            current = waiting[-1]
            missing = [edge.target for edge in self._links(current) if edge.target not in self._gradients]
            if missing:
                waiting += missing
            else:
                self._gradients.setdefault(current, self._written(waiting.pop()))
        return self._gradients[slot]

    def size(self, slots: Iterable[int]) -> int:
        """How many factors are written at most, for gradients with respect to these."""
        written = [self._ways[slot][1] if self._few(slot) else len(self._on_way(slot)) for slot in slots]
        return sum(written) + sum(len(self._on_way(slot)) for slot in range(len(self._ways)) if not self._few(slot))

    @cached_property
    def scalar(self) -> bool:
        """Whether this is the gradient of a number, and no Jacobian."""
        return not self.subject.shape(self.of)

    def _links(self, slot: int) -> list[Edge]:
        """The edges whose targets a gradient is written through; none where it is written out."""
        if slot == self.of or self._few(slot):
            return []
        return [edge for edge in self._on_way(slot) if edge.target != self.of]

    def _written(self, slot: int) -> Gradient:
        if slot == self.of:
            terms: tuple[Term, ...] = (Term(IdentityFactor(self.subject.shape(slot), self.layout), False),)
        elif self._few(slot):
            terms = tuple(self._term(path) for path in self._paths(slot))
        else:
            terms = tuple(self._through(edge) for edge in self._on_way(slot))
        return Gradient(self.subject, self.of, slot, self.layout, terms)

    def _term(self, path: Sequence[Edge]) -> Term:
        part: Part | None = None
        for edge in path:
            part = self._link(part, edge)
        source = path[-1].source
        found = part or IdentityFactor(self.subject.shape(source), self.layout)
        return Term(found, self._sums(source, path), tuple(path))

    def _through(self, edge: Edge) -> Term:
        start: Part | None = None
        if edge.target != self.of:
            gradient = self.through[edge.target] = self._gradients[edge.target]
            start = CotangentFactor(gradient.left, gradient)
        part = self._link(start, edge) or IdentityFactor(edge.wrt, self.layout)
        return Term(part, self._sums(edge.source, [edge]), (edge,))

    def _sums(self, source: int, path: Sequence[Edge]) -> bool:
        """Whether a path's product is one example's, of which the whole is the sum."""
        slots = self.subject.plan.slots
        per_example = slots[source].batched or slots[self.of].batched
        return not per_example and any(slots[edge.target].batched for edge in path)

    def _link(self, part: Part | None, edge: Edge) -> Part | None:
        """What reaches a step's output, passed on to one of its inputs. None stands for 1, or I."""
        if edge.passes_on:
            return part
        if part is None:
            matrix = edge.matrix is not None and not self.scalar
            return MatrixFactor(edge, self.layout == "denominator") if matrix else JacobianFactor(edge, self.layout)
        if self.scalar and edge.outer is not None:
            return self._outer_product(part, edge)
        return self._product(part, edge)

    def _product(self, part: Part, edge: Edge) -> Part:
        between, wrt = len(edge.of), len(edge.wrt)
        columns = self.layout == "torch" and self.scalar
        mirrored = columns and between == 1 and wrt <= 1
        factor: Factor = JacobianFactor(edge, self.layout, mirrored)
        if edge.matrix is not None:
            factor = MatrixFactor(edge, mirrored or self.layout == "denominator")
        shape = jacobian_shape(self.subject.shape(self.of), edge.wrt, self.layout)
        colon = between > 1 or (columns and between == 1 and not mirrored)
        in_order = self.layout == "torch" or (self.layout == "denominator" and wrt == 0)
        first, second = (factor, part) if mirrored or self.layout == "denominator" else (part, factor)
        return Times(first, second, between, shape, colon, in_order)

    def _outer_product(self, part: Part, edge: Edge) -> Part:
        """∂C/∂W: numerator x ∂C/∂s, else ∂C/∂s xᵀ, and the other way round for a W of (in, out)."""
        assert edge.outer is not None
        flipped, outs = edge.outer.flipped, edge.of[0]
        length = edge.wrt[0 if flipped else 1]
        shape = jacobian_shape((), edge.wrt, self.layout)
        x = VectorFactor(edge.outer.x, length, row=(self.layout == "numerator") == flipped)
        if self.layout == "numerator":
            return OuterProduct(Mirrored(part, (outs, 1)), x, shape) if flipped else OuterProduct(x, part, shape)
        return OuterProduct(x, Mirrored(part, (1, outs)), shape) if flipped else OuterProduct(part, x, shape)

    def _on_way(self, slot: int) -> list[Edge]:
        """The edges out of a value that lead to what is differentiated."""
        return [edge for edge in self.subject.edges_into(slot) if self._ways[edge.target][0]]

    def _few(self, slot: int) -> bool:
        ways, length = self._ways[slot]
        return ways <= MOST_PATHS and length <= MOST_FACTORS

    def _paths(self, slot: int) -> Iterator[tuple[Edge, ...]]:
        """Every way from what is differentiated to a value."""
        if slot == self.of:
            yield ()
            return
        for edge in self._on_way(slot):
            yield from ((*path, edge) for path in self._paths(edge.target))

    @cached_property
    def _ways(self) -> list[tuple[int, int]]:
        """For each slot the number of paths to it and of the edges on them, counted no further than they matter."""
        found = [(0, 0)] * len(self.subject.plan.slots)
        found[self.of] = (1, 0)
        for step in reversed(self.subject.plan.steps):
            ways, length = found[step.output]
            for source in dict.fromkeys(step.inputs) if ways else ():
                more, longer = found[source]
                found[source] = (min(ways + more, MOST_PATHS + 1), min(length + ways + longer, MOST_FACTORS + 1))
        return found
