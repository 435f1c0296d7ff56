"""What the service tells of the problems on file."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from chainrule.schemas.documented import Documented


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
