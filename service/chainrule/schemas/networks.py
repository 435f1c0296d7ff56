"""A network on the wire: `layers`, each feeding the next, or `nodes` with an `output`, and `parameters`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeAlias, Union

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from chainrule.engine.drawing import Init
from chainrule.schemas.envelope import MAX_RANK
from chainrule.schemas.ops import (
    Name,
    Strict,
    is_layer,
    is_loss,
    is_node,
    is_penalty,
    layer_model,
    loss_model,
    node_model,
    one_of,
    op_names,
    penalty_model,
    text_or,
)
from chainrule.schemas.tensors import Inline, Integers, Tensor

MOST_NODES = 10_000

Layer: TypeAlias = one_of(is_layer, layer_model)  # type: ignore[valid-type]
Node: TypeAlias = one_of(is_node, node_model)  # type: ignore[valid-type]
Penalty: TypeAlias = one_of(is_penalty, penalty_model)  # type: ignore[valid-type]
LossObject: TypeAlias = one_of(is_loss, loss_model)  # type: ignore[valid-type]
LossName: TypeAlias = Literal[tuple(op_names(is_loss))]  # type: ignore[valid-type]


Loss = Annotated[
    Union[Annotated[LossName, Tag("name")], Annotated[LossObject, Tag("object")]],  # noqa: UP007
    text_or("object"),
    Field(description="A loss with its options, or its op's name alone for the defaults."),
]


class Drawn(Strict):
    """A parameter whose numbers the service draws, bit for bit the same everywhere."""

    shape: Integers = Field(description="Its shape: lengths of at least 1, 8 of them at most.")
    init: Init = Field(default="normal", description="Standard normal, uniform on [-1, 1), 0, or 1; times `scale`.")
    scale: float = Field(default=1.0, description="A factor.", allow_inf_nan=False)
    seed: int = Field(default=0, ge=0, lt=2**64, description="Which numbers.")

    @field_validator("shape")
    @classmethod
    def _has_elements(cls, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) > MAX_RANK or any(length < 1 for length in shape):
            raise ValueError(f"a shape has lengths of at least 1, and at most {MAX_RANK} of them")
        return shape


def _kind_of_entry(value: object) -> str:
    return "drawn" if isinstance(value, dict | Drawn) else "tensor"


Parameter = Annotated[
    Union[Annotated[Drawn, Tag("drawn")], Annotated[Tensor, Tag("tensor")]],  # noqa: UP007
    Discriminator(_kind_of_entry),
]


class Network(Strict):
    """Either `layers`, or `nodes` with an `output`. A parameter named twice is shared: its gradient is the sum."""

    layers: Annotated[list[Layer], Inline] | None = Field(
        default=None,
        min_length=1,
        max_length=MOST_NODES,
        description="Each takes what the one before it gives. The i-th linear is node s{i} with parameters W{i} and "
        "b{i}, the first activation after it a{i}, anything else {op}{k}, unless `name` says otherwise.",
    )
    nodes: Annotated[list[Node], Inline] | None = Field(
        default=None, min_length=1, max_length=MOST_NODES, description="A DAG, in any order."
    )
    output: Name | None = Field(default=None, description="With `nodes`: the node whose value is the network's.")
    parameters: dict[Name, Parameter] = Field(default_factory=dict, description="Tensors by name, given or drawn.")

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.layers is None) == (self.nodes is None):
            raise ValueError("a network has either layers or nodes: give one of them")
        if self.nodes is not None and self.output is None:
            raise ValueError("nodes want an output: the name of the node whose value is the network's")
        if self.layers is not None and self.output is not None:
            raise ValueError("output goes with nodes; the output of layers is the last one's")
        return self

    def specs(self) -> list[Any]:
        """The layers or nodes, whichever there are."""
        return self.layers if self.layers is not None else self.nodes or []
