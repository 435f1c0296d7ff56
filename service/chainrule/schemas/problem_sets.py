"""Problem sets as they are on file: what is asked, the template of the numbers, and how answers are marked."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from chainrule.schemas.grading import MOST_POINTS, Policy
from chainrule.schemas.ids import Id
from chainrule.schemas.ops import Strict
from chainrule.schemas.templates import Template

MOST_PROBLEMS = 1_000

Points = Annotated[float, Field(ge=0, le=MOST_POINTS, allow_inf_nan=False)]


class ProblemOnFile(Strict):
    """One problem of a set."""

    id: Id
    title: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1, max_length=10_000, description="What is asked, for students to read.")
    asks: list[str] = Field(
        min_length=1,
        max_length=200,
        description="The quantities asked for: `outputs`, `loss`, `values.s1`, `gradients.W1`, `jacobians.y_hat/x`.",
    )
    template: Template
    policy: Policy = Field(default=Policy(), description="How answers are marked.")
    points: dict[str, Points] | None = Field(
        default=None, description="By quantity; without it each that is asked for counts 1."
    )

    @model_validator(mode="after")
    def _points_for_what_is_asked(self) -> Self:
        other = sorted((self.points or {}).keys() - set(self.asks))
        if other:
            raise ValueError(f"points are for what is asked, and {other[0]} is not among asks")
        return self

    def worth(self) -> dict[str, float]:
        """The points of every quantity asked for."""
        return self.points if self.points is not None else dict.fromkeys(self.asks, 1.0)


class ProblemSet(Strict):
    """A file of problems, named after its id."""

    id: Id
    title: str = Field(min_length=1, max_length=200)
    problems: list[ProblemOnFile] = Field(min_length=1, max_length=MOST_PROBLEMS)

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        ids = [problem.id for problem in self.problems]
        for position, each in enumerate(ids):
            if each in ids[:position]:
                raise ValueError(f"two problems have the id {each}")
        return self
