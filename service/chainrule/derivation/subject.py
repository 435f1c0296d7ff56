"""A plan as a derivation sees it: its values by symbol, its steps as written, and the edges between them.

An edge goes from a step's output back to one value that it takes. Where a step takes a value twice, as x + x does, the
two are one edge, so that ∂y/∂x is the whole derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chainrule.derivation.expressions import Env, Expression, Size, add
from chainrule.derivation.indexed import Symbol, definitions, entry
from chainrule.derivation.notation import Application, Notation, Outer, over_grid
from chainrule.derivation.notations import notation_of
from chainrule.derivation.symbols import Letters, size_letters, symbols_of
from chainrule.engine.backends import Shape
from chainrule.engine.plan import Plan, Step


class Subject:
    """What derivations of one plan have in common."""

    def __init__(self, plan: Plan, *, batched: bool = True) -> None:
        self.plan = plan
        self.symbols: Mapping[str, Symbol] = symbols_of(plan)
        self.sizes = size_letters(plan, self.symbols)
        letters = {length: size.letter for length, size in self.sizes.items()}
        self.letters = Letters(self.symbols, letters)
        self.batch = Size(self.letters.free("N"), plan.batch) if batched else None
        self._notations: dict[int, Notation[Any]] = {}

    def symbol(self, slot: int) -> Symbol:
        """What a value is called."""
        return self.symbols[self.plan.slots[slot].name]

    def shape(self, slot: int) -> Shape:
        """Of one example of a value."""
        return self.plan.slots[slot].shape

    def length(self, length: int) -> str:
        """A length by its letter, where it has one."""
        return self.sizes[length].letter if length in self.sizes else str(length)

    def notation(self, number: int) -> Notation[Any]:
        """How a step is written."""
        if number not in self._notations:
            step = self.plan.steps[number]
            self._notations[number] = notation_of(
                Application(
                    step.op,
                    tuple(self.symbol(slot) for slot in step.inputs),
                    self.symbol(step.output),
                    tuple(self.shape(slot) for slot in step.inputs),
                    self.shape(step.output),
                    self.letters,
                    self.sizes,
                    self.batch,
                )
            )
        return self._notations[number]

    def edges_into(self, slot: int) -> Sequence[Edge]:
        """The edges from everything that takes a value back to it, in the order of the steps."""
        return self._takers.get(slot, ())

    def leads_elsewhere(self, source: int, target: int) -> bool:
        """Whether a step's output depends on one of its inputs by another way as well."""
        takers = self._taking.get(source, 0) & ~(1 << target)
        return bool(takers & self._before[target])

    @cached_property
    def _takers(self) -> dict[int, list[Edge]]:
        found: dict[int, list[Edge]] = {}
        for number, step in enumerate(self.plan.steps):
            positions: dict[int, list[int]] = {}
            for position, source in enumerate(step.inputs):
                positions.setdefault(source, []).append(position)
            for source, taken in positions.items():
                found.setdefault(source, []).append(Edge(self, number, source, tuple(taken)))
        return found

    @cached_property
    def _taking(self) -> dict[int, int]:
        """For each slot those that are made from it directly, as bits of a number."""
        return {source: sum(1 << edge.target for edge in edges) for source, edges in self._takers.items()}

    @cached_property
    def _before(self) -> list[int]:
        """For each slot those that it depends on, as bits of a number."""
        found = [0] * len(self.plan.slots)
        for step in self.plan.steps:
            for source in step.inputs:
                found[step.output] |= found[source] | 1 << source
        return found


@dataclass(frozen=True)
class Equation:
    """left = right, both to be printed, and `right` to be evaluated; `where` says what its letters stand for."""

    left: str
    right: Expression

    def latex(self) -> str:
        return f"{self.left} = {self.right.latex()}"

    @property
    def where(self) -> list[str]:
        return definitions(self.right)


@dataclass(frozen=True)
class Edge:
    """∂(a step's output)/∂(a value that it takes)."""

    subject: Subject
    number: int
    source: int
    positions: tuple[int, ...]
    """At which of its inputs the step takes the value."""

    @property
    def step(self) -> Step:
        return self.subject.plan.steps[self.number]

    @property
    def target(self) -> int:
        return self.step.output

    @property
    def of(self) -> Shape:
        return self.subject.shape(self.target)

    @property
    def wrt(self) -> Shape:
        return self.subject.shape(self.source)

    @property
    def name(self) -> str:
        """As Jacobians are named in requests: `of/wrt`."""
        slots = self.subject.plan.slots
        return f"{slots[self.target].name}/{slots[self.source].name}"

    @property
    def fraction(self) -> str:
        """∂y/∂x."""
        return self._direct(self.subject.symbol(self.target).latex(), self.subject.symbol(self.source).latex())

    @cached_property
    def matrix(self) -> Expression | None:
        """The Jacobian, where it is a matrix with a name of its own."""
        found: Expression | None = self._only(lambda notation, position: notation.matrix(position))
        return found

    @cached_property
    def outer(self) -> Outer | None:
        """The other factor, where a gradient by this value is an outer product."""
        found: Outer | None = self._only(lambda notation, position: notation.outer(position))
        return found

    @cached_property
    def passes_on(self) -> bool:
        """Whether this is the identity."""
        return bool(self._only(lambda notation, position: notation.passes_on(position)))

    @cached_property
    def element(self) -> Equation:
        """One entry of the Jacobian."""
        notation, letters = self.subject.notation(self.number), self.subject.letters
        i = letters.indices(self.of)
        j = letters.indices(self.wrt, i)
        total = add(*(notation.partial(position, i, j) for position in self.positions))
        target = entry(self.subject.symbol(self.target), i).latex()
        return Equation(self._direct(target, entry(self.subject.symbol(self.source), j).latex()), total)

    def value(self, env: Env) -> Any:
        """The Jacobian of one example as the element equation has it, in torch's axis order: (*of, *wrt)."""
        letters = self.subject.letters
        i = letters.indices(self.of)
        return over_grid(self.element.right, (*i, *letters.indices(self.wrt, i)), env)

    def _direct(self, over: str, under: str) -> str:
        """∂over/∂under, marked where the same letters could stand for more than this step's own derivative."""
        found = fraction(over, under)
        if self.subject.leads_elsewhere(self.source, self.target):
            return rf"\left.{found}\right|_{{\mathrm{{direct}}}}"
        return found

    def _only(self, ask: Callable[[Notation[Any], int], Any]) -> Any:
        """What the notation says of the one position; None where the value is taken twice."""
        if len(self.positions) > 1:
            return None
        return ask(self.subject.notation(self.number), self.positions[0])


def fraction(over: str, under: str) -> str:
    """∂over/∂under."""
    return rf"\frac{{\partial {over}}}{{\partial {under}}}"
