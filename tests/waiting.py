"""Waiting for what has to come about, for as long as a busy machine may take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

SOON = 60.0
"""Seconds: far more than what a test waits for takes, and fewer than what it shows not to be waited for."""


def until(holds: Callable[[], Any], what: str = "end", within: float = SOON) -> float:
    """Seconds until something holds. Raises AssertionError."""
    started = time.monotonic()
    while not holds():
        assert time.monotonic() - started < within, f"no {what} within {within:g} s"
        time.sleep(0.02)
    return time.monotonic() - started
