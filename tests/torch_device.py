"""Where the tests run torch: on the CPU, or on the device that TEST_DEVICE names. `tests/gpu/run.py` sets it."""

from __future__ import annotations

import os

DEVICE = os.environ.get("TEST_DEVICE", "cpu")


def device_of(backend: str) -> str:
    """Where the tests run that backend."""
    return DEVICE if backend == "torch" else "cpu"
