"""API keys, as a service is told of them and as a caller sends one."""

from __future__ import annotations

from hashlib import sha256


def hashed(*keys: str) -> str:
    """The setting under which a service takes these."""
    return ",".join(sha256(key.encode()).hexdigest() for key in keys)


def with_key(key: str, **headers: str) -> dict[str, str]:
    """The headers of a caller that has it."""
    return {"Authorization": f"Bearer {key}", **headers}
