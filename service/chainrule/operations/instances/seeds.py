"""Seeds from a keyed hash, and from a seed the streams that numbers are drawn from.

A seed tells nothing of whom it is for, and without the secret nobody can work out another's. Both hashes are part of
the contract: an instance is the same on every machine and in every release.
"""

from __future__ import annotations

import hmac
from hashlib import sha256

SEED_BITS = 53
"""Of a derived seed: a whole number that every JSON reader holds exactly."""

_SEED = b"chainrule seed 1"
_STREAM = "chainrule stream 1"


def seed_for(secret: str | bytes, assignment: str, question: str, student: str, revision: int | str = 0) -> int:
    """A student's seed for a question: the first 53 bits of HMAC-SHA256 under `secret`.

    The message is `chainrule seed 1` and then each of the four parts as UTF-8 (a `revision` in decimal), every one of
    these five preceded by its length in bytes as 4 bytes, most significant first. Raises ValueError for an empty
    secret.
    """
    key = secret.encode() if isinstance(secret, str) else secret
    if not key:
        raise ValueError("the secret is empty: anybody could work out every seed")
    parts = (_SEED, *(part.encode() for part in (assignment, question, student, str(revision))))
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return int.from_bytes(hmac.digest(key, message, "sha256")[:8], "big") >> (64 - SEED_BITS)


def stream_key(seed: int, attempt: int, place: str) -> int:
    """The key of the stream for one place of an instance, a JSON pointer: 128 bits of SHA-256.

    Each place has a stream of its own, so numbers do not depend on the order of a template's fields, and a tensor that
    is added leaves the others as they were.
    """
    message = f"{_STREAM}\n{seed}\n{attempt}\n{place}"
    return int.from_bytes(sha256(message.encode()).digest()[:16], "little")
