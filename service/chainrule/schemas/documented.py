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
