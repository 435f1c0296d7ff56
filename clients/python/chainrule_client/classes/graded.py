"""What became of one submission."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chainrule_client.errors import APIError, error_from_problem
from chainrule_client.replies import Reply

Id = str | int
PASSING = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses that another attempt may well do better than."""


def id_of(submission: Mapping[str, Any]) -> Id:
    """What tells a submission from all others. Raises ValueError where it has no id, or one that neither a table nor a
    resume file could be written with."""
    found = submission.get("id")
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise ValueError("it has no id, which is text or an integer")
    if isinstance(found, int) and not -(2**63) <= found < 2**64:
        raise ValueError("its id is an integer of more than 64 bits; write it as text")
    if isinstance(found, str) and any("\ud800" <= character <= "\udfff" for character in found):
        raise ValueError("its id has characters that are not Unicode")
    return found


@dataclass(frozen=True)
class Graded:
    """The report on a submission, or the error that took its place: one of them is there.

    id: the submission's own.
    """

    id: Id
    report: Reply | None = None
    error: APIError | None = None

    @classmethod
    def of(cls, id: Id, answer: Mapping[str, Any]) -> Graded:
        """From an answer as a batch has it: a `status`, with a `reply` or a `problem`."""
        if answer["status"] == 200:
            return cls(id, Reply(answer["reply"]))
        return cls(id, error=error_from_problem(answer.get("problem") or {}, answer["status"]))


def is_final(answer: Mapping[str, Any]) -> bool:
    """Whether the same submission would be answered the same again."""
    return answer["status"] not in PASSING
