"""The request and the reply of `flow`."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, Union

from pydantic import BeforeValidator, Field, Tag

from chainrule.engine.near_names import nearest
from chainrule.schemas.documented import ComputedReply, Documented, ResultTensor
from chainrule.schemas.ops import InputNames, activation_model, is_activation, one_of, op_names, text_or
from chainrule.schemas.own_words import array_only, in_own_words
from chainrule.schemas.requests import Differentiated
from chainrule.schemas.tensors import Inline

MOST_ALTERNATIVES = 20

NAMES = tuple(op_names(is_activation))

ActivationObject: TypeAlias = one_of(is_activation, activation_model)  # type: ignore[valid-type]
ActivationName: TypeAlias = Literal[NAMES]  # type: ignore[valid-type]


Activation = Annotated[
    Union[Annotated[ActivationName, Tag("name")], Annotated[ActivationObject, Tag("object")]],  # noqa: UP007
    text_or("object"),
]


def _as_object(value: object) -> object:
    """A bare name as an object, which alone is looked at further."""
    if not isinstance(value, str):
        return value
    if value not in NAMES:
        raise in_own_words(f"there is no such activation here: {nearest(value[:100], NAMES)}")
    return {"op": value}


class FlowRequest(Differentiated):
    """How much of the gradient reaches each node, for each of some activations in the place of those that are there."""

    alternatives: Annotated[
        list[Annotated[ActivationObject, BeforeValidator(_as_object, json_schema_input_type=Activation)]],
        Inline,
        array_only('wants a list of activations: write ["tanh", "relu"]'),
    ] = Field(
        default_factory=list,
        max_length=MOST_ALTERNATIVES,
        description="Activations by name, or as objects with their options. Without any, the network is taken as it "
        "is.",
    )
    at: InputNames | None = Field(
        default=None,
        min_length=1,
        description="The nodes whose place they take. By default every activation but the network's output.",
    )
    format: Literal["json", "svg"] = Field(default="json", description="svg: the reply has the plot, too.")


class NodeFlow(Documented):
    """What reaches a node, and how many of its units let little pass."""

    node: str
    op: str
    cotangent: ResultTensor = Field(description="The Frobenius norm of ∂C/∂node, over the whole batch.")
    saturated: float | None = Field(description="The share of its units that are; null where none can be.")
    inactive: float | None = Field(description="The share of its units that are; null where none can be.")


class Flow(Documented):
    """The flow through the network with one activation."""

    activation: str | None = Field(description="The op, with its options; null for the network as it is.")
    loss: ResultTensor | None = Field(default=None, description="Left out where an upstream stands in its place.")
    nodes: list[NodeFlow] = Field(description="In the order they are computed.")
    gradients: dict[str, ResultTensor] = Field(description="Of each parameter: the Frobenius norm of its gradient.")
    kink_count: int = Field(description="Elements that were differentiated at a kink.")


class FlowReply(ComputedReply):
    """The flow for each alternative."""

    at: list[str] = Field(description="The nodes that were replaced.")
    flows: list[Flow]
    svg: str | None = Field(default=None, description="Where asked for: the plot.")
