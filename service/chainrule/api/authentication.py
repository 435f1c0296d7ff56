"""Who may do what: callers whose key is on one of the lists, or anyone where there are no lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest

from chainrule.api.problems import Problem
from chainrule.operations.terms import UNLIMITED, Terms
from chainrule.schemas.reports import Feedback


@dataclass(frozen=True, slots=True)
class Caller:
    """What a caller may do: on which terms it has answers graded, and whether it does nothing else.

    `counted` names the key whose calls are counted; None where they are not.
    """

    terms: Terms = UNLIMITED
    grades_only: bool = False
    counted: bytes | None = None

    def check(self, operation: str) -> None:
        """Let a call pass. Raises Problem where it is not for this caller."""
        if self.grades_only and operation != "grade":
            raise Problem(403, "this key is for grading: POST /v1/grade, or a batch of it")


ANYONE = Caller()


class Keys:
    """Keys known by their SHA-256 alone, in hex: those that may compute, and those that may grade problems on file."""

    def __init__(self, compute: Iterable[str] = (), grade: Iterable[str] = (), most_told: Feedback = "indices") -> None:
        graders = Terms(named_only=True, most_told=most_told)
        computing, grading = set(compute), set(grade)
        self._callers = [(bytes.fromhex(each), ANYONE) for each in computing]
        for each in grading - computing:
            digest = bytes.fromhex(each)
            self._callers.append((digest, Caller(graders, grades_only=True, counted=digest)))

    def caller(self, headers: Mapping[bytes, bytes]) -> Caller:
        """Who sent a request. Raises Problem where it names no key of these."""
        if not self._callers:
            return ANYONE
        scheme, _, key = headers.get(b"authorization", b"").partition(b" ")
        digest = sha256(key.strip()).digest()
        # Every key is compared, each in constant time, so that the time taken tells nothing.
        matches = [caller for known, caller in self._callers if compare_digest(digest, known)]
        if scheme.lower() != b"bearer" or not matches:
            raise Problem(
                401, "this service wants a key: Authorization: Bearer <key>", headers={"WWW-Authenticate": "Bearer"}
            )
        return matches[0]
