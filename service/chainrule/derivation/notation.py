"""How an op is written: what each op of the engine states for derivations, beside its rules for computing.

A notation writes one example. `entry` and `partial` say what an entry of the output is, and what its derivative by an
entry of an input is; both can be evaluated, and tests hold them to forward() and to the engine's Jacobians.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from chainrule.derivation.expressions import Env, Expression, Size
from chainrule.derivation.indexed import Entry, Index, Symbol, deltas, entry
from chainrule.derivation.printing import number_latex
from chainrule.derivation.symbols import Letters
from chainrule.engine.backends import Shape
from chainrule.engine.op import Op, options_of

AnyOp = TypeVar("AnyOp", bound=Op)
Indices = Sequence[Expression]


@dataclass(frozen=True)
class Application:
    """An op, bound, applied to named values: what a notation writes about. Shapes are of one example."""

    op: Op
    inputs: tuple[Symbol, ...]
    output: Symbol
    input_shapes: tuple[Shape, ...]
    shape: Shape
    letters: Letters
    sizes: dict[int, Size]
    batch: Size | None
    """N, where what is written is one example of several."""

    def indices(self, shape: Shape, *used: Expression) -> tuple[Index, ...]:
        """An index for each axis, of letters that are not in use."""
        return self.letters.indices(shape, [index for index in used if isinstance(index, Index)])

    def size(self, length: int) -> Expression:
        """A length by its letter, where it has one."""
        return self.sizes.get(length, Size(str(length), length))


class Notation(ABC, Generic[AnyOp]):
    """How one op is written, at one place."""

    title: ClassVar[str] = ""
    """Of a function with a name alone."""

    def __init__(self, at: Application) -> None:
        self.at = at
        self.op: AnyOp = at.op  # type: ignore[assignment]

    @abstractmethod
    def entry(self, i: Indices) -> Expression:
        """The output's entry at i."""

    @abstractmethod
    def partial(self, which: int, i: Indices, j: Indices) -> Expression:
        """The derivative of the output's entry at i by the entry at j of an input."""

    def whole(self) -> Expression:
        """The output as one thing, without indices: the op's name, unless it has a notation of its own."""
        return Named(self.title or self.op.name.replace("_", r"\_"), self.at.inputs, self, _options(self.op))

    def matrix(self, which: int) -> Expression | None:
        """The Jacobian by an input, where that is a matrix with a name of its own, as W is."""
        return None

    def outer(self, which: int) -> Outer | None:
        """Where a gradient by an input is an outer product: what the other factor is."""
        return None

    def passes_on(self, which: int) -> bool:
        """Whether the Jacobian by an input is the identity, and is left out of a chain."""
        return False

    def x(self, which: int, at: Indices) -> Entry:
        """An entry of an input."""
        return entry(self.at.inputs[which], at)

    def y(self, at: Indices) -> Entry:
        """An entry of the output."""
        return entry(self.at.output, at)


@dataclass(frozen=True)
class Outer:
    """∂C/∂W = ∂C/∂s xᵀ, or with `flipped` x (∂C/∂s)ᵀ, for a W of (out, in), or with `flipped` of (in, out)."""

    x: Symbol
    flipped: bool = False


@dataclass(frozen=True)
class Named(Expression):
    """A function of whole tensors that has only a name here; its entries say what it is."""

    title: str
    of: tuple[Symbol, ...]
    notation: Notation[Any]
    options: str = ""

    def latex(self) -> str:
        of = ", ".join(symbol.latex() for symbol in self.of)
        return rf"\operatorname{{{self.title}}}{self.options}({of})"

    def value(self, env: Env) -> Any:
        at = self.notation.at
        i = at.indices(at.shape)
        return over_grid(self.notation.entry(i), i, env)

    def parts(self) -> Iterator[Expression]:
        yield from self.of


def over_grid(expression: Expression, indices: Sequence[Index], env: Env) -> Any:
    """An expression's numbers over all its free indices, in their order."""
    inner = env.over({index.letter: index.size for index in indices})
    found = np.asarray(expression.value(inner), dtype=np.float64)
    return np.broadcast_to(found, tuple(index.size for index in indices))


def _options(op: Op) -> str:
    """The numbers that were set, below the name: those options that are not what they are by default."""
    given = [getattr(op, option.name) for option in options_of(type(op)) if getattr(op, option.name) != option.default]
    numbers = [number_latex(each) for each in given if isinstance(each, int | float) and not isinstance(each, bool)]
    return f"_{{{', '.join(numbers)}}}" if numbers else ""


class OfEach(Notation[AnyOp]):
    """A function of each number alone: it states f and its derivative, and has the rest from here."""

    @abstractmethod
    def f(self, s: Expression) -> Expression:
        """The function."""

    @abstractmethod
    def slope(self, s: Expression) -> Expression:
        """f'(s)."""

    def entry(self, i: Indices) -> Expression:
        return self.f(self.x(0, i))

    def partial(self, which: int, i: Indices, j: Indices) -> Expression:
        return self.slope(self.x(0, i)) * deltas(i, j)

    def whole(self) -> Expression:
        return super().whole() if self.title else self.f(self.at.inputs[0])


_notations: dict[type[Op], type[Notation[Any]]] = {}

NotationType = TypeVar("NotationType", bound=type[Notation[Any]])


def writes(*ops: type[Op]) -> Callable[[NotationType], NotationType]:
    """Class decorator: the notation of these ops."""

    def enter(notation: NotationType) -> NotationType:
        _notations.update(dict.fromkeys(ops, notation))
        return notation

    return enter


def entered(op: type[Op]) -> type[Notation[Any]]:
    """The notation entered for an op. Raises KeyError where there is none."""
    return _notations[op]
