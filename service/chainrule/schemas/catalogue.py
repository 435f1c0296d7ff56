"""What the service tells of the problems on file, and of instances."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from chainrule.schemas.documented import ComputedReply, Documented, ResultTensor


class ProblemEntry(Documented):
    """A problem in the list."""

    id: str = Field(description="`set/problem`: what a request names it by.")
    title: str
    asks: list[str] = Field(description="The quantities asked for.")


class SetEntry(Documented):
    """A set of problems."""

    id: str
    title: str
    problems: list[ProblemEntry]


class ProblemsReply(Documented):
    """Every set, the bundled ones and those of the service's folder."""

    sets: list[SetEntry]


class ProblemReply(ProblemEntry):
    """A problem on file: what is asked and how its numbers are drawn, never the answers."""

    text: str
    points: dict[str, float] = Field(description="By quantity.")
    policy: dict[str, Any] = Field(description="How answers are marked.")
    template: dict[str, Any]


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
