"""Who may compute: callers whose key is on the list, or anyone where there is no list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from hmac import compare_digest

from chainrule.api.problems import Problem


class Keys:
    """Keys known by their SHA-256 alone, in hex."""

    def __init__(self, hashes: Iterable[str]) -> None:
        self._digests = [bytes.fromhex(each) for each in hashes]

    def check(self, headers: Mapping[bytes, bytes]) -> None:
        """Let a request pass. Raises Problem where it names no key of these."""
        if self._digests and not self._holds(headers.get(b"authorization", b"")):
            raise Problem(
                401, "this service wants a key: Authorization: Bearer <key>", headers={"WWW-Authenticate": "Bearer"}
            )

    def _holds(self, authorization: bytes) -> bool:
        scheme, _, key = authorization.partition(b" ")
        digest = sha256(key.strip()).digest()
        # Every key is compared, each in constant time, so that the time taken tells nothing.
        matches = [compare_digest(digest, known) for known in self._digests]
        return scheme.lower() == b"bearer" and any(matches)
