"""What the models of all replies are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypeAliasType

if TYPE_CHECKING:
    ResultTensor: TypeAlias = Any
else:
    ResultTensor = TypeAliasType(
        "ResultTensor",
        Annotated[
            float | Literal["NaN", "Infinity", "-Infinity"] | list["ResultTensor"],
            Field(
                title="ResultTensor",
                description="A number, or arrays of numbers nested to a rectangle. What is not finite is written in "
                "words, and `warnings` says where.",
            ),
        ],
    )

Shape = list[int]


class Documented(BaseModel):
    """Has no field but those documented."""

    model_config = ConfigDict(extra="forbid")


class TraceEntry(Documented):
    """What a node took and gave."""

    node: str
    op: str
    inputs: dict[str, str] = Field(description="By the op's name for it, the name of what it takes.")
    output: ResultTensor


class Kink(Documented):
    """A place where a node has no derivative, and a subgradient was taken."""

    node: str
    index: list[int]
    value: ResultTensor = Field(description="The derivative that was used.")


class Meta(Documented):
    """What a reply was computed with."""

    version: str
    conventions: int = Field(description="Rises when any convention of the mathematics changes.")
    backend: Literal["torch", "numpy"]
    device: str
    dtype: Literal["float64", "float32"]


class ComputedReply(Documented):
    """What every computed reply has."""

    warnings: list[str] = Field(description="What the caller should know of the numbers, in sentences.")
    meta: Meta
