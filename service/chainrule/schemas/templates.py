"""Templates: a problem in which any tensor may be drawn, with named sizes and what its numbers have to fulfil."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeAlias, Union

from pydantic import Discriminator, Field, GetJsonSchemaHandler, Tag, field_validator, model_validator
from pydantic_core import CoreSchema
from typing_extensions import TypeAliasType

from chainrule.engine.drawing import MOST_CHOICES
from chainrule.schemas.envelope import MAX_RANK
from chainrule.schemas.ops import Name, Strict

MOST_LENGTH = 10_000
"""Of an axis that is drawn."""
MOST_ATTEMPTS = 1_000
MOST_SIZES = 12
FINEST = 1 << 10
"""The largest denominator of a grid: its numbers have at most ten decimals."""
LARGEST = 1 << 20
"""Of a grid's numbers."""

PositiveLength = Annotated[int, Field(ge=1, le=MOST_LENGTH)]
Length: TypeAlias = PositiveLength | Name
"""Of an axis: a number, or the name of a size."""


class DrawnTensor(Strict):
    """A tensor whose numbers are drawn."""

    shape: list[Length] = Field(max_length=MAX_RANK, description="Lengths of its axes, or names of sizes.")


class Grid(DrawnTensor):
    """Numbers of an even grid: `low`, `low` + `step`, … `high`. All three are short dyadic numbers, so that the digits
    shown are the number used."""

    low: float = Field(ge=-LARGEST, le=LARGEST)
    high: float = Field(ge=-LARGEST, le=LARGEST)
    step: float = Field(gt=0, le=LARGEST, description="Such as 0.125: a whole number over a power of two.")
    nonzero: bool = Field(default=False, description="Leaves 0 out.")

    @model_validator(mode="after")
    def _is_a_grid(self) -> Self:
        low, high, step = Fraction(self.low), Fraction(self.high), Fraction(self.step)
        if any(number.denominator > FINEST for number in (low, high, step)):
            raise ValueError(
                f"low, high and step are multiples of 1/{FINEST}, which have few digits: write 0.125, not 0.1"
            )
        if (low / step).denominator != 1 or (high / step).denominator != 1:
            raise ValueError("low and high are multiples of step")
        if not 0 < high - low <= (MOST_CHOICES - 1) * step:
            raise ValueError(f"low is below high, and at most {MOST_CHOICES - 1} steps below")
        return self

    @property
    def first(self) -> int:
        """`low` in steps."""
        return int(Fraction(self.low) / Fraction(self.step))

    @property
    def last(self) -> int:
        """`high` in steps."""
        return int(Fraction(self.high) / Fraction(self.step))


class Classes(DrawnTensor):
    """Class indices: whole numbers from 0 up, below `classes`."""

    classes: Length = Field(description="How many classes there are: a number, or the name of a size.")


class Values(DrawnTensor):
    """Each number one of `values`."""

    values: list[int | float] = Field(min_length=1, max_length=1_000)

    @field_validator("values")
    @classmethod
    def _finite(cls, values: list[int | float]) -> list[int | float]:
        if not all(abs(value) <= LARGEST for value in values):
            raise ValueError(f"the values are finite and within ±{LARGEST}")
        return values


class Probabilities(DrawnTensor):
    """Probabilities along the last axis: multiples of 1/`probabilities`, 0 included, that sum to 1."""

    probabilities: Literal[2, 4, 8, 16, 32, 64, 128, 256] = Field(description="Parts that 1 is divided into.")

    @field_validator("shape")
    @classmethod
    def _has_an_axis(cls, shape: list[Length]) -> list[Length]:
        if not shape:
            raise ValueError("probabilities sum to 1 along the last axis, and this shape has none")
        return shape


class Choice(Strict):
    """One of several, drawn: an op, say, or a loss."""

    choose: list[Tree] = Field(min_length=1, max_length=100)


_KINDS = {"classes": "classes", "values": "values", "probabilities": "probabilities"}
_FOR_THE_REQUEST = {"op", "init", "scale", "seed"}
"""Fields of an object with a shape that is no tensor of the template: an op, or a parameter the service draws."""


def _kind(value: object) -> str:
    """Which branch of Tree a value is of."""
    if isinstance(value, list):
        return "list" if any(isinstance(item, dict) for item in value) else "plain"
    if isinstance(value, Choice):
        return "choice"
    if isinstance(value, DrawnTensor):
        return type(value).__name__.lower()
    if not isinstance(value, dict):
        return "plain"
    if "choose" in value:
        return "choice"
    if "shape" not in value or value.keys() & _FOR_THE_REQUEST:
        return "object"
    return next((kind for field, kind in _KINDS.items() if field in value), "grid")


class _AnyOf:
    """Several branches may fit in JSON Schema, which knows nothing of how they are told apart."""

    @staticmethod
    def __get_pydantic_json_schema__(schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        described = handler(schema)
        return {"anyOf": described["oneOf"], "title": "Tree"}


if TYPE_CHECKING:
    Tree: TypeAlias = Any
else:
    Tree = TypeAliasType(
        "Tree",
        Annotated[
            Union[  # noqa: UP007
                Annotated[Grid, Tag("grid")],
                Annotated[Classes, Tag("classes")],
                Annotated[Values, Tag("values")],
                Annotated[Probabilities, Tag("probabilities")],
                Annotated[Choice, Tag("choice")],
                Annotated[dict[str, "Tree"], Tag("object")],
                Annotated[list["Tree"], Tag("list")],
                Annotated[Any, Tag("plain")],
            ],
            Discriminator(_kind),
            _AnyOf,
        ],
    )
"""Part of a problem as a request has it, with draws in place of tensors and choices in place of anything."""


class Constraints(Strict):
    """What the numbers of an instance fulfil. Numbers that do not are drawn again."""

    kink_distance: float = Field(
        default=2**-6, ge=0, le=1, description="No pre-activation is nearer than this to a kink, and no other at one."
    )
    both_sides: bool = Field(
        default=True, description="Every ReLU, and what is like it, has units on either side of its kink."
    )
    unnamed_share: bool = Field(
        default=True,
        description="The share of units beyond the kink is no constant that has a name: 2, a size, N, a scale, their "
        "inverses, and products of two of these.",
    )
    tells_apart: bool = Field(
        default=True, description="Every mistake that the grader knows gives other numbers than every other."
    )
    attempts: int = Field(default=200, ge=1, le=MOST_ATTEMPTS, description="How often numbers are drawn at most.")


Size: TypeAlias = (
    PositiveLength | Annotated[list[PositiveLength], Field(min_length=1, max_length=100)] | Literal["prime"]
)


def _kind_of_sizes(value: object) -> str:
    return "sets" if isinstance(value, list) else "sizes"


Sizes = Annotated[
    Union[  # noqa: UP007
        Annotated[dict[Name, Size], Field(max_length=MOST_SIZES), Tag("sizes")],
        Annotated[list[dict[Name, PositiveLength]], Field(min_length=1, max_length=100), Tag("sets")],
    ],
    Discriminator(_kind_of_sizes),
]


class Template(Strict):
    """A problem whose tensors, or some of them, are drawn."""

    network: Tree = Field(description="As a request has it, with draws in place of tensors.")
    inputs: Tree
    targets: Tree = None
    loss: Tree = None
    penalties: Tree = None
    batched: bool = True
    sizes: Sizes = Field(
        default_factory=dict,
        description='By name: a length, a list to choose from, or "prime" for an odd prime that no other size is. Or a '
        "list of such objects, one of which is chosen.",
    )
    constraints: Constraints = Field(default_factory=Constraints)

    @model_validator(mode="after")
    def _sizes_are_there(self) -> Self:
        sets = self.sizes if isinstance(self.sizes, list) else [self.sizes]
        known = set(sets[0]).intersection(*sets)
        for length in _lengths(self.tree()):
            if isinstance(length, str) and length not in known:
                there = (
                    ", ".join(sorted(known)) or "none"
                )  # not those like it: of sizes called n and N, each is a letter
                raise ValueError(f"a shape names the size {length}, which is not among the sizes: there are {there}")
        return self

    def tree(self) -> dict[str, Any]:
        """The problem's fields, those that there are."""
        fields = {name: getattr(self, name) for name in PROBLEM_FIELDS}
        return {name: value for name, value in fields.items() if value is not None}


PROBLEM_FIELDS = ("network", "inputs", "targets", "loss", "penalties", "batched")
"""The fields of a problem that a template, and so an instance, has."""


def _lengths(tree: Any) -> Iterator[Length]:
    """Every length that the tree names."""
    if isinstance(tree, DrawnTensor):
        yield from tree.shape
        if isinstance(tree, Classes):
            yield tree.classes
        return
    parts = tree.choose if isinstance(tree, Choice) else tree
    for part in parts.values() if isinstance(parts, dict) else parts if isinstance(parts, list) else ():
        yield from _lengths(part)
