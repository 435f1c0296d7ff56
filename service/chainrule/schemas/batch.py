"""A line of a batch, and of its answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from chainrule.schemas.documented import Documented
from chainrule.schemas.replies import ProblemDetails

LONGEST_ID = 200

Id = Annotated[str, StringConstraints(max_length=LONGEST_ID)] | int


class BatchItem(Documented):
    """One call of a batch."""

    id: Id = Field(description="What its answer is told by: text or an integer, of the caller's choosing.")
    operation: Literal[
        "validate", "forward", "loss", "gradients", "jacobians", "derivation", "grade", "train", "flow", "graph"
    ]
    request: dict[str, Any] = Field(description="What would be the body of `POST /v1/{operation}`.")


class BatchReply(Documented):
    """The answer to one item of a batch."""

    id: Id | None = Field(description="The item's; null where it has none that can be read, which `line` then tells.")
    line: int | None = Field(default=None, description="Where there is no id: the item's line, counted from 1.")
    status: int = Field(description="The HTTP status that the item would have got by itself.")
    reply: dict[str, Any] | None = Field(default=None, description="With status 200: the operation's reply.")
    problem: ProblemDetails | None = Field(default=None, description="With any other status.")
