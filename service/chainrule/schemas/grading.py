"""The request of `grade`: a problem, answers to it, and how they are marked."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, GetCoreSchemaHandler, model_validator
from pydantic_core import CoreSchema, core_schema

from chainrule.schemas.ops import Strict
from chainrule.schemas.own_words import in_own_words
from chainrule.schemas.reports import Feedback
from chainrule.schemas.requests import Differentiated

MOST_POINTS = 1e6
MOST_PLACES = 15


class AnswerTree(Strict):
    """Answers in the tree of a reply, any of them. A leaf that is no tensor is marked and fails no request."""

    outputs: Any = Field(default=None, description="The network's output.")
    loss: Any = Field(default=None, description="The loss.")
    values: dict[str, Any] | None = Field(default={}, description="The values of nodes, by name.")
    gradients: dict[str, Any] | None = Field(
        default={}, description="∂C/∂name, by name: a parameter, an input, a node, y_hat."
    )
    jacobians: dict[str, Any] | None = Field(default={}, description="∂of/∂wrt, by `of/wrt`.")


class _ReadApart:
    """Answers are data, not structure: no model holds them, so that one model serves all submissions."""

    @staticmethod
    def __get_pydantic_core_schema__(_source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda _: None, json_schema_input_schema=handler.generate_schema(AnswerTree)
        )


class Policy(Strict):
    """How answers are held against the truth, and how much is told. An entry is right where it is within
    `atol` + `rtol` · max|truth| of the truth."""

    rtol: float = Field(default=1e-5, ge=0, le=1, allow_inf_nan=False, description="Relative to the tensor's largest.")
    atol: float = Field(default=1e-8, ge=0, allow_inf_nan=False, description="Absolute.")
    places: int | None = Field(
        default=None,
        ge=0,
        le=MOST_PLACES,
        description="Decimals that answers were rounded to: atol is then 0.51·10^-places, and rtol 0.",
    )
    layout: Literal["torch", "numerator", "denominator", "either"] = Field(
        default="torch", description="How gradients and Jacobians have to be shaped; either: torch's or its transpose."
    )
    bias_shape: Literal["strict", "any"] = Field(
        default="strict", description="any: a bias's gradient may have axes of length 1 more."
    )
    partial: Literal["none", "entries"] = Field(
        default="none", description="none: all or nothing. entries: the share of entries that are right."
    )
    follow_through: bool = Field(
        default=True,
        description="Full points where an answer follows by the right rule from earlier ones, wrong or rounded.",
    )
    feedback: Feedback = Field(default="indices", description="How much the report says.")
    diagnose: bool = Field(default=True, description="Look for the mistakes that explain wrong answers.")

    @model_validator(mode="after")
    def _one_tolerance(self) -> Self:
        if self.places is not None and {"rtol", "atol"} & self.model_fields_set:
            raise ValueError("places stands in for rtol and atol: give one or the other")
        return self


def _of_the_policy(layout: object) -> object:
    if layout != "torch":
        raise in_own_words('grade reads answers by policy.layout: write "policy": {"layout": …} and leave this out')
    return layout


class GradeRequest(Differentiated):
    """A report on answers to a problem: which are right, what follows from an earlier mistake, and which mistake."""

    layout: Annotated[Literal["torch"], BeforeValidator(_of_the_policy)] = Field(
        default="torch", description="torch and no other: how answers are shaped is the policy's `layout`."
    )

    answers: Annotated[None, _ReadApart]
    policy: Policy = Field(default=Policy(), description="How the answers are marked.")
    points: dict[str, Annotated[float, Field(ge=0, le=MOST_POINTS, allow_inf_nan=False)]] | None = Field(
        default=None,
        description='By quantity: {"gradients.W1": 2}. One that is named here and not answered is missing; one '
        "that is answered and not named counts 0. Without points each answer counts 1.",
    )
