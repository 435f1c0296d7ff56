"""What grading returns: a report, with an item for each quantity and a diagnosis of each mistake."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chainrule.schemas.documented import ComputedReply, Documented, ResultTensor

Feedback = Literal["verdict", "shape", "count", "indices", "magnitude", "values"]
"""How much a report says, from least to most; each level says all that those before it say."""

Status = Literal["correct", "correct_given_own_work", "wrong", "missing", "shape", "nonfinite", "at_kink"]


class Tolerance(Documented):
    """An entry is right where it is within `atol` + `rtol` · max|truth| of the truth."""

    rtol: float
    atol: float


class Item(Documented):
    """One quantity of the answers."""

    quantity: str = Field(description="Such as `outputs`, `loss`, `values.s1`, `gradients.W1`, `jacobians.y_hat/x`.")
    status: Status = Field(
        description="correct_given_own_work: what follows, by the right rule, from the submission's own earlier "
        "quantities. at_kink: right but for the derivative taken at a kink. Both have full points."
    )
    points: float
    max_points: float
    message: str = Field(description="One sentence, which says no more than the level of feedback does.")
    follows_from: str | None = Field(default=None, description="The earlier quantity that it follows from.")
    shape: list[int] | None = Field(default=None, description="From `shape` on: the shape of the answer.")
    wanted_shape: list[int] | None = Field(default=None, description="From `shape` on: the shape that is wanted.")
    wrong: int | None = Field(default=None, description="From `count` on: how many entries are wrong.")
    total: int | None = Field(default=None, description="From `count` on: of how many.")
    indices: list[list[int]] | None = Field(
        default=None, max_length=20, description="From `indices` on: of the first wrong entries."
    )
    diagnosis: list[str] | None = Field(default=None, description="From `indices` on: codes of the mistakes found.")
    max_abs: ResultTensor | None = Field(default=None, description="From `magnitude` on: the largest deviation.")
    max_rel: ResultTensor | None = Field(default=None, description="From `magnitude` on: that over max|truth|.")
    tolerance: Tolerance | None = Field(default=None, description="From `magnitude` on.")
    expected: ResultTensor | None = Field(default=None, description="At `values`: the truth, in the answer's layout.")


class Alternative(Documented):
    """A mistake that would give the same numbers everywhere."""

    mistake: str
    at: str
    detail: str | None = None
    message: str


class Diagnosis(Documented):
    """One mistake that explains wrong answers."""

    mistake: str = Field(description="Its code in the registry of mistakes.")
    at: str = Field(description="Where: the loss `C`, a penalty, a node, or a parameter.")
    detail: str | None = Field(default=None, description="Such as the wrong function's name.")
    factor: str | None = Field(default=None, description="The name of a constant, such as `N`, `1/K`, `2`.")
    value: float | None = Field(default=None, description="From `magnitude` on: the constant.")
    explains: list[str] = Field(description="The quantities that are wrong by it.")
    follows: list[str] = Field(description="The quantities that are right, given those.")
    message: str
    hint: str
    either: list[Alternative] = Field(description="Mistakes that cannot be told from this one by these answers.")


class GradeReply(ComputedReply):
    """A report."""

    score: float
    max_score: float
    first_error: str | None = Field(description="The first quantity, in the order of the chain, that is wrong.")
    items: list[Item]
    diagnosis: list[Diagnosis] = Field(description="Empty below the level `indices`.")
    feedback: Feedback = Field(description="The level in force.")
