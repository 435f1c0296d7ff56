"""Instances on the wire: whom or what a seed is for, the request and its reply, what stands for a problem."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from chainrule.schemas.documented import ComputedReply, Documented, ResultTensor
from chainrule.schemas.ids import ProblemId
from chainrule.schemas.ops import Strict
from chainrule.schemas.templates import MOST_ATTEMPTS, Template

LARGEST_SEED = 2**64 - 1

Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED, description="Which numbers.")]
Asked = Annotated[str, StringConstraints(max_length=400)]
Part = Annotated[str, StringConstraints(max_length=200)]


class Identity(Strict):
    """Whom an instance is for. Where the service has a secret, it makes the seed of this by a keyed hash."""

    assignment: Part
    question: Part
    student: Part = Field(description="An identifier that stays the same, such as the platform's own.")
    revision: int = Field(default=0, ge=0, le=10**9, description="Another one draws other numbers.")


class OneSeed(Strict):
    """A seed, or whom to make one for."""

    seed: Seed | None = None
    identity: Identity | None = Field(
        default=None, description="In place of a seed, where the service has a secret (`CHAINRULE_SECRET`)."
    )

    attempt: int | None = Field(
        default=None,
        ge=0,
        lt=MOST_ATTEMPTS,
        description="Just this drawing of the seed's, as an earlier reply told it, whatever constraints hold by now.",
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.seed is None) == (self.identity is None):
            raise ValueError("which numbers to draw is said by a seed or by an identity: give one of them")
        return self


class ProblemReference(OneSeed):
    """A problem on file and a seed, which stand for its network, inputs, targets and loss."""

    problem: ProblemId = Field(description="Such as `nyu-hw1/1.2b`.")


class InstancesRequest(OneSeed):
    """An instance of a template, or of a problem on file: its numbers drawn from a seed."""

    template: Template | None = None
    problem: ProblemId | None = Field(default=None, description="A problem on file, such as `nyu-hw1/1.2b`.")
    asks: list[Asked] | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="With a template: the quantities by which mistakes have to be told apart; by default the output, "
        "the loss and the gradients.",
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.template is None) == (self.problem is None):
            raise ValueError("what to draw is said by a template or by a problem on file: give one of them")
        if self.problem is not None and self.asks is not None:
            raise ValueError("what a problem on file asks for stands in its file: leave asks out")
        return self


class DrawnProblem(Documented):
    """A problem as a request has it, its numbers drawn."""

    network: dict[str, Any]
    inputs: ResultTensor | dict[str, ResultTensor]
    targets: ResultTensor | None = None
    loss: str | dict[str, Any] | None = None
    penalties: list[dict[str, Any]] | None = None
    batched: bool


class InstancesReply(ComputedReply):
    """A problem with its numbers, ready to be sent or shown."""

    problem: DrawnProblem
    seed: int
    sizes: dict[str, int]
    attempt: int = Field(description="Which drawing it is, from 0: those before it did not fulfil the constraints.")
