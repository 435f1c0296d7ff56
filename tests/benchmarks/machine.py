"""What the ratios were measured on, and with which versions."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

from environment import ONE_THREAD, PEERS


def describe() -> dict[str, str]:
    """Cores, processor, memory, system and versions; no names, no paths."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = " ".join(f"{name} {version(name)}" for name in ("numpy", "torch", "orjson", "pydantic", "fastapi"))
    return {
        "processor": f"{cores} cores, {_processor()}",
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "packages": packages,
        "peers": _peers(),
        "load": f"{os.getloadavg()[0]:.1f} before the first measurement",
        "threads": f"{ONE_THREAD['OMP_NUM_THREADS']} for every side",
    }


def _peers() -> str:
    """The first block of peers.txt, the comment aside, where it is installed."""
    if not PEERS.exists():
        return "not installed"
    block = Path(__file__).with_name("peers.txt").read_text().partition("\n\n")[0]
    lines = [line for line in block.splitlines() if not line.startswith("#")]
    return " ".join(re.sub(r"(\[\w+\])?==", " ", line) for line in lines)


def _processor() -> str:
    """The model, and the family numbers by which a model that calls itself by a bare brand is known."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    numbers = f"family {fields.get('cpu family', '?')} model {fields.get('model', '?')}"
    return f"{fields.get('model name', platform.machine())} ({numbers})"
