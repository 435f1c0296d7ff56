"""How much memory the accelerators of this machine have, without loading torch and without a context on any of them."""

from __future__ import annotations

import ctypes

_LIBRARY = "libnvidia-ml.so.1"


class _Memory(ctypes.Structure):
    """What NVML says of one device, in bytes."""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def device_memory() -> int | None:
    """The memory of the smallest CUDA device, in bytes; None where there is none, or no driver that tells.

    By the driver's management library: a context of CUDA does not survive the copies that are made of a process.
    """
    try:
        nvml = ctypes.CDLL(_LIBRARY)
        if nvml.nvmlInit_v2() != 0:
            return None
        try:
            return _smallest(nvml)
        finally:
            nvml.nvmlShutdown()
    except (OSError, AttributeError):  # no driver, or one that is too old
        return None


def _smallest(nvml: ctypes.CDLL) -> int | None:
    count = ctypes.c_uint()
    if nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
        return None
    found = []
    for index in range(count.value):
        device, memory = ctypes.c_void_p(), _Memory()
        if nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(device)) == 0 and (
            nvml.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory)) == 0
        ):
            found.append(int(memory.total))
    return min(found, default=None)
