"""The requests of every endpoint that computes. Their field names are the contract's."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self, Union

from pydantic import Discriminator, Field, Tag, model_validator

from chainrule.schemas.networks import Loss, Network, Penalty
from chainrule.schemas.ops import Name, Strict
from chainrule.schemas.tensors import Inline, Tensor

MOST_PAIRS = 1_000


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
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d{1,3})?)$", description="auto, cpu, cuda, cuda:1")
    backend: Literal["torch", "numpy"] = Field(default="torch", description="numpy runs on the CPU only.")
    layout: Literal["torch", "numerator", "denominator"] = Field(
        default="torch", description="How gradients and Jacobians are shaped; tensors in requests are always torch's."
    )

    @model_validator(mode="after")
    def _loss_has_targets(self) -> Self:
        if self.penalties and self.loss is None:
            raise ValueError("penalties are added to a loss: give a loss too")
        return self


class ValidateRequest(Problem):
    """Names, shapes, order and cost of everything, computing nothing."""


class ForwardRequest(Problem):
    """The outputs, and every node's value where asked for. A loss and targets may stand here; they are not used."""

    takes_loss = False

    trace: bool = Field(default=False, description="Also return every node's inputs (by name) and its output.")


class LossRequest(Problem):
    """The outputs and the loss."""

    per_example: bool = Field(default=False, description="Also return each example's share of the loss.")


class GradientsRequest(Problem):
    """The gradients of the loss, or with `upstream` the cotangents that it brings about."""

    wrt: Annotated[Literal["parameters", "all"] | list[Name], Inline] = Field(
        default="parameters",
        union_mode="left_to_right",
        description="parameters, all (every parameter, input and node), or names of parameters, inputs and nodes.",
    )
    per_example: bool = Field(
        default=False, description="Also return each example's contribution to the gradients; they sum to them."
    )
    steps: bool = Field(
        default=False, description="Also return each node's cotangent, local factors and what it passes on."
    )
    upstream: Tensor | None = Field(
        default=None, description="A cotangent of the output, in the outputs' shape, in place of a loss."
    )
    verify: bool = Field(default=False, description="Check the gradients against differences of forward values.")

    @model_validator(mode="after")
    def _one_seed(self) -> Self:
        if self.upstream is not None and self.loss is not None:
            raise ValueError("a loss and an upstream were given: the upstream stands in place of a loss, so drop one")
        return self


class Pair(Strict):
    """∂of/∂wrt, each the name of a node, an input, a parameter, y_hat or C."""

    of: Name
    wrt: Name


class JacobiansRequest(Problem):
    """Jacobians between any two values."""

    pairs: Annotated[list[Pair], Inline] = Field(min_length=1, max_length=MOST_PAIRS)
    form: Literal["dense", "structured"] = Field(
        default="dense", description="structured: a diagonal or an outer product is returned as its factors."
    )
