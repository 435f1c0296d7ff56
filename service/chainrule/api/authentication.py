"""Who may do what: callers whose key is on one of the lists, or anyone where there are no lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest

from chainrule.api.problems import Problem
from chainrule.api.rates import Bucket
from chainrule.operations.terms import UNLIMITED, Terms
from chainrule.schemas.reports import Feedback


@dataclass(frozen=True, slots=True)
class Caller:
    """What a caller may do: on which terms it has answers graded, whether it does nothing else, and how often it calls.

    `key` is the digest of its key; None where it needs none.
    """

    terms: Terms = UNLIMITED
    grades_only: bool = False
    key: bytes | None = None
    calls: Bucket | None = None

    def count(self) -> float:
        """Count a call: 0. Or, where it is one too many and not counted, the seconds until there is room for it."""
        return 0.0 if self.calls is None else self.calls.take()

    def check(self, operation: str) -> None:
        """Let a call pass. Raises Problem where it is not for this caller."""
        if self.grades_only and operation != "grade":
            raise Problem(403, "this key is for grading: POST /v1/grade, or a batch of it")


ANYONE = Caller()


def _unbounded() -> Bucket:
    return Bucket(0.0, 1)


class Keys:
    """Keys known by their SHA-256 alone, in hex: those that may compute, and those that may grade problems on file.

    `calls` and `graded` make the bucket in which the calls of such a key are counted.
    """

    def __init__(
        self,
        compute: Iterable[str] = (),
        grade: Iterable[str] = (),
        most_told: Feedback = "indices",
        calls: Callable[[], Bucket] = _unbounded,
        graded: Callable[[], Bucket] = _unbounded,
    ) -> None:
        terms = Terms(named_only=True, most_told=most_told)
        computing, grading = (set(map(bytes.fromhex, hashes)) for hashes in (compute, grade))
        self._callers = [
            *((digest, Caller(key=digest, calls=calls())) for digest in computing),
            *((digest, Caller(terms, True, digest, graded())) for digest in grading - computing),
        ]

    def caller(self, headers: Mapping[bytes, bytes]) -> Caller:
        """Who sent a request. Raises Problem where it names no key of these."""
        if not self._callers:
            return ANYONE
        scheme, _, key = headers.get(b"authorization", b"").partition(b" ")
        digest = sha256(key.strip()).digest()
        # Every key is compared, each in constant time, so that the time taken tells nothing.
        matches = [caller for known, caller in self._callers if compare_digest(digest, known)]
        is_key = scheme.lower() == b"bearer" and key.strip() != b""
        if not (is_key and matches):
            wanted = "another key than this" if is_key else "a key: Authorization: Bearer <key>"
            raise Problem(401, f"this service wants {wanted}", headers={"WWW-Authenticate": "Bearer"})
        return matches[0]
