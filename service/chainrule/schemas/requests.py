"""The requests of every endpoint that computes. Their field names are the contract's."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Union

from pydantic import BeforeValidator, Discriminator, Field, Tag, ValidationInfo, field_validator

from chainrule.engine.layouts import Layout
from chainrule.schemas.networks import Loss, Network, Penalty
from chainrule.schemas.ops import Name, ParameterNames, Strict, text_or
from chainrule.schemas.own_words import array_only, in_own_words
from chainrule.schemas.tensors import Inline, Tensor, TensorSlot

MOST_PAIRS = 1_000
DEVICE_PATTERN = r"^(auto|cpu|cuda(:\d{1,3})?)$"


def _kind_of_inputs(value: object) -> str:
    return "named" if isinstance(value, dict) else "tensor"


Inputs = Annotated[
    Union[Annotated[dict[Name, Tensor], Tag("named")], Annotated[Tensor, Tag("tensor")]],  # noqa: UP007
    Discriminator(_kind_of_inputs),
    Field(description='One tensor, the input `x`, or tensors by name: {"x": …, "z": …}.'),
]


class Problem(Strict):
    """A network with inputs, and a loss with targets where there is one: what every endpoint takes."""

    takes_loss: ClassVar[bool] = True
    """Whether a loss and targets that stand here are looked at."""

    network: Network
    inputs: Inputs
    targets: Tensor | None = Field(
        default=None, description="In the outputs' shape, or class indices: integers, one rank less than the outputs."
    )
    loss: Loss | None = None
    penalties: Annotated[list[Penalty], Inline] = Field(default_factory=list, description="Added to the loss.")
    batched: bool = Field(
        default=True,
        description="Axis 0 of every input is the batch. With false each is one example; no result has a batch axis.",
    )
    dtype: Literal["float64", "float32"] = "float64"
    device: str = Field(default="auto", pattern=DEVICE_PATTERN, description="auto, cpu, cuda, cuda:1")
    backend: Literal["torch", "numpy"] = Field(default="torch", description="numpy runs on the CPU only.")
    layout: Layout = Field(
        default="torch", description="How gradients and Jacobians are shaped; tensors in requests are always torch's."
    )

    @field_validator("penalties")
    @classmethod
    def _added_to_a_loss(cls, penalties: list[Penalty], others: ValidationInfo) -> list[Penalty]:
        if penalties and others.data.get("loss", ...) is None:
            raise ValueError("penalties are added to a loss: give a loss too")
        return penalties


class ValidateRequest(Problem):
    """Names, shapes, order and cost of everything, computing nothing."""


class ForwardRequest(Problem):
    """The outputs, and every node's value where asked for. A loss and targets may stand here; they are not used."""

    takes_loss = False

    trace: bool = Field(default=False, description="Also return every node's inputs (by name) and its output.")


class LossRequest(Problem):
    """The outputs and the loss."""

    per_example: bool = Field(default=False, description="Also return each example's share of the loss.")


def _is_group(value: object) -> object:
    if value not in ("parameters", "all"):
        raise in_own_words('wants "parameters", "all" or a list of names: write ["W1"] for W1 alone')
    return value


Wrt = Annotated[
    Union[  # noqa: UP007
        Annotated[Literal["parameters", "all"], BeforeValidator(_is_group), Tag("group")],
        Annotated[ParameterNames, Tag("names")],
    ],
    text_or("names", text="group"),
    Field(description="parameters, all (every parameter, input and node), or names of parameters, inputs and nodes."),
]


class Differentiated(Problem):
    """A problem with something to differentiate: the loss, or with `upstream` Σ upstream · output in its place."""

    upstream: Tensor | None = Field(
        default=None, description="A cotangent of the output, in the outputs' shape, in place of a loss."
    )

    @field_validator("upstream")
    @classmethod
    def _one_objective(cls, upstream: TensorSlot | None, others: ValidationInfo) -> TensorSlot | None:
        if upstream is not None and others.data.get("loss") is not None:
            raise ValueError("a loss and an upstream were given: the upstream stands in place of a loss, so drop one")
        return upstream


class GradientsRequest(Differentiated):
    """The gradients of the loss, or with `upstream` the cotangents that it brings about."""

    wrt: Wrt = "parameters"
    per_example: bool = Field(
        default=False, description="Also return each example's contribution to the gradients; they sum to them."
    )
    steps: bool = Field(
        default=False, description="Also return each node's cotangent, local factors and what it passes on."
    )
    verify: bool = Field(default=False, description="Check the gradients against differences of forward values.")


class Pair(Strict):
    """∂of/∂wrt, each the name of a node, an input, a parameter, y_hat or C."""

    of: Name
    wrt: Name


_PAIR = '{"of": "y_hat", "wrt": "W1"}'


def _is_pair(value: object) -> object:
    if not isinstance(value, dict | Pair):
        raise in_own_words(f"a pair is an object: write {_PAIR}")
    return value


class JacobiansRequest(Problem):
    """Jacobians between any two values."""

    pairs: Annotated[
        list[Annotated[Pair, BeforeValidator(_is_pair)]], Inline, array_only(f"wants a list of pairs: write [{_PAIR}]")
    ] = Field(min_length=1, max_length=MOST_PAIRS)
    form: Literal["dense", "structured"] = Field(
        default="dense", description="structured: a diagonal or an outer product is returned as its factors."
    )
