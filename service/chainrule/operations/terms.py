"""On what terms a caller may have answers graded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chainrule.operations.refusals import Fault, refuse_for
from chainrule.schemas.pointers import shown
from chainrule.schemas.reports import Feedback

OF_NAMED = ("problem", "seed", "identity", "attempt", "answers")
"""What a request may say that grades a named problem as its file has it."""


@dataclass(frozen=True, slots=True)
class Terms:
    """`named_only`: problems on file alone, under the policy and the points of their files. `most_told`: the highest
    level of feedback that is given, whatever a policy says."""

    named_only: bool = False
    most_told: Feedback = "values"

    def check(self, request: Mapping[str, Any]) -> None:
        """Let a request pass. Raises Refused, status 403, naming every field that is not this caller's to set."""
        if not self.named_only:
            return
        other = [name for name in request if name not in OF_NAMED]
        faults = [Fault(f"/{shown(name)}", _REASON) for name in other]
        if "problem" not in request:
            faults.insert(0, Fault("/problem", "this key grades problems on file only: name one"))
        if faults:
            raise refuse_for(faults, title="Forbidden", status=403)


_REASON = "this key grades problems on file as they are: give problem, seed (or identity), attempt and answers only"

UNLIMITED = Terms()
