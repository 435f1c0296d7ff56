"""What an op is: one function of a network, with its derivative rule.

An op is written for one example. Arrays reach it with leading axes that it leaves alone: the batch N, and before it the
seeds V of cotangents and tangents (either may be 1) or the problems P of a stack. A parameter has no batch axis, and in
a stack one of length 1. Axes are counted from the end.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, dataclass, field, fields
from math import prod
from typing import Any, ClassVar, Literal, NamedTuple, Self

from chainrule.engine.backends import Array, Namespace, Shape
from chainrule.engine.errors import ShapeError
from chainrule.engine.structure import Outer, quick

Saved = Any
"""Whatever `forward` wants `vjp` and `jvp` to find again."""

Contribution = Array | Outer | None
"""The cotangent of one input, example by example: an array, an outer product not yet formed, or not wanted."""

Tangents = tuple[Array | None, ...]
"""One tangent an input; None is zero."""

Wanted = tuple[bool, ...]
"""Which inputs' cotangents are asked for."""

Draw = Literal["uniform", "probability", "simplex", "log_simplex", "class", "sign"]
"""How the tests draw an input."""


class Point(NamedTuple):
    """Where an op is differentiated: what went in, what came out, and what `forward` saved."""

    inputs: tuple[Array, ...]
    output: Array
    saved: Saved


point = quick(Point)


def option(
    default: Any, doc: str, *, minimum: float | None = None, above: float | None = None, wire: str | None = None
) -> Any:
    """A field of an op that the caller may set: its default, what it means, and its bounds.

    `wire` is what callers call it, where that is not the field's own name.
    """
    return field(default=default, metadata={"doc": doc, "minimum": minimum, "above": above, "wire": wire})


@dataclass(frozen=True, slots=True)
class Sample:
    """Where the tests look at an op: shapes of one example's inputs, options, and how each input is drawn.

    `draws` names a way for each input; those left out are uniform in [low, high]. `probability` is uniform in
    [0.05, 0.95], `simplex` positive with sum 1 over the last axis, `log_simplex` its logarithm, `sign` ±1, and `class`
    integers in 0 … K-1, K being the last axis of the first input.
    """

    shapes: tuple[Shape, ...]
    options: dict[str, Any] = field(default_factory=dict)
    low: float = -2.0
    high: float = 2.0
    draws: tuple[Draw, ...] = ()


class Op:
    """The base of every op. Frozen; its dataclass fields are the options a caller may set."""

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    family: ClassVar[str]
    """The heading it stands under in the catalogue."""
    operands: ClassVar[tuple[str, ...]] = ("x",)
    """Names of the inputs that come from nodes."""
    parameters: ClassVar[tuple[str, ...]] = ()
    """Names of the inputs that are parameters; they follow the operands."""
    optional: ClassVar[frozenset[str]] = frozenset()
    """Those parameters that may be left out; they come last."""
    variadic: ClassVar[bool] = False
    """Takes two operands or more, named x0, x1, …"""
    formula: ClassVar[str]
    derivative_formula: ClassVar[str]
    at_kink: ClassVar[str | None] = None
    """What the derivative is at a kink, in words; None for a smooth op."""
    analytic: ClassVar[bool] = True
    """Its forward can be evaluated at complex numbers (away from kinks)."""
    samples: ClassVar[tuple[Sample, ...]]

    def shape(self, *shapes: Shape) -> Shape:
        """The shape of the output for one example. Raises ShapeError."""
        raise NotImplementedError

    def bind(self, *shapes: Shape) -> Self:
        """The op with what it needs to know of its inputs' shapes filled in."""
        return self

    def forward(self, xp: Namespace, *inputs: Array) -> tuple[Array, Saved]:
        """The output, and what the derivative would otherwise compute again."""
        raise NotImplementedError

    def vjp(self, xp: Namespace, cotangent: Array, at: Point, wanted: Wanted) -> tuple[Contribution, ...]:
        """The cotangent of each wanted input, example by example: the engine sums over the batch, not the rule."""
        raise NotImplementedError

    def jvp(self, xp: Namespace, tangents: Tangents, at: Point) -> Array:
        """The tangent of the output. A tangent of None is zero; at least one is not."""
        raise NotImplementedError

    def diagonals(self, xp: Namespace, at: Point) -> tuple[Array | None, ...] | None:
        """For each input with respect to which the Jacobian is diagonal, that diagonal; None where it is not."""
        return None

    def kinks(self, xp: Namespace, at: Point) -> Array | None:
        """A mask over the first input: where the function has no derivative. None for a smooth op."""
        return None

    def subgradient(self, xp: Namespace, at: Point) -> Array:
        """The derivative used, element by element of the first input. Asked for only where there is a kink."""
        raise NotImplementedError

    def flops(self, *shapes: Shape) -> int:
        """Floating-point operations of forward on one example, in plain integers; backward is taken as twice that."""
        return prod(self.shape(*shapes))


class Elementwise(Op):
    """An op on each element alone: it states its function, its derivative and its kinks, and has the rest from here."""

    family = "activation"
    quiet: ClassVar[Literal["saturated", "inactive"] | None] = None
    """What a unit is called that passes little on: one whose slope is at most a twentieth of the steepest. `saturated`
    where the function levels off, `inactive` on the side of a rectifier that lets nothing through; None where neither
    is said of it."""

    def f(self, xp: Namespace, x: Array) -> Array:
        """The function."""
        raise NotImplementedError

    def derivative(self, xp: Namespace, x: Array, y: Array) -> Array:
        """f'(x), where y = f(x) is at hand."""
        raise NotImplementedError

    def kink(self, xp: Namespace, x: Array) -> Array | None:
        """A mask of the elements at which f has no derivative."""
        return None

    def steepest(self) -> float:
        """The largest |f'(s)| there is, to three digits; asked for only where there is a word for quiet units."""
        return 1.0

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def forward(self, xp: Namespace, *inputs: Array) -> tuple[Array, Saved]:
        return self.f(xp, inputs[0]), None

    def vjp(self, xp: Namespace, cotangent: Array, at: Point, wanted: Wanted) -> tuple[Contribution, ...]:
        return (cotangent * self.derivative(xp, at.inputs[0], at.output),)

    def jvp(self, xp: Namespace, tangents: Tangents, at: Point) -> Array:
        return tangents[0] * self.derivative(xp, at.inputs[0], at.output)

    def diagonals(self, xp: Namespace, at: Point) -> tuple[Array | None, ...] | None:
        return (self.derivative(xp, at.inputs[0], at.output),)

    def kinks(self, xp: Namespace, at: Point) -> Array | None:
        return self.kink(xp, at.inputs[0])

    def subgradient(self, xp: Namespace, at: Point) -> Array:
        return self.derivative(xp, at.inputs[0], at.output)


def options_of(op: type[Op]) -> tuple[Field[Any], ...]:
    """The options a caller may set: the dataclass fields made by `option`."""
    return tuple(f for f in fields(op) if "doc" in f.metadata and f.default is not MISSING)  # type: ignore[arg-type]


def wire_name(option: Field[Any]) -> str:
    """What callers call an option."""
    return option.metadata["wire"] or option.name


def wants(op: str, operand: str, shape: Shape, wanted: str, advice: str = "") -> ShapeError:
    """The error for a shape that does not fit: what was found, what was expected, what to write instead."""
    message = f"{operand} has shape {list(shape)}; {op} wants {wanted}" + (f": {advice}" if advice else "")
    return ShapeError(message, operand=operand)
