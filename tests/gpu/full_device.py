"""A device without memory left for others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from torch_device import DEVICE

MIB = 2**20


@contextmanager
def full(leaving: int) -> Iterator[None]:
    """All of the device's memory taken, but for so many bytes and up to 16 MiB."""
    held, size = [], 1024 * MIB
    torch.cuda.empty_cache()
    while size >= 16 * MIB:
        if _free() - leaving < size:
            size //= 2
            continue
        try:
            held.append(torch.empty(size, dtype=torch.uint8, device=DEVICE))
        except torch.cuda.OutOfMemoryError:
            size //= 2
    try:
        yield
    finally:
        held.clear()
        torch.cuda.empty_cache()


def _free() -> int:
    return torch.cuda.mem_get_info(torch.device(DEVICE))[0]
