"""What needs a GPU is left out where TEST_DEVICE names none."""

from __future__ import annotations

import pytest

from torch_device import DEVICE


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not DEVICE.startswith("cuda"):
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs CUDA: `make gpu` runs it on a machine that has it"))
