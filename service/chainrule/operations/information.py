"""What computes here: versions, conventions, and the most that a request may ask for."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from chainrule.operations.limits import Limits
from chainrule.operations.results import Reply
from chainrule.schemas.envelope import MAX_RANK
from chainrule.schemas.networks import MOST_NODES
from chainrule.schemas.requests import MOST_PAIRS
from chainrule.version import CONVENTIONS, VERSION

LIBRARIES = ("numpy", "torch", "pydantic", "orjson", "fastapi", "uvicorn")


def information(limits: Limits) -> Reply:
    """`version`, `conventions`, `limits` and `libraries`, those that are installed."""
    return {
        "version": VERSION,
        "conventions": CONVENTIONS,
        "limits": {
            "flops": limits.flops,
            "memory_bytes": limits.memory,
            "returned": limits.returned,
            "calls": limits.calls,
            "nodes": MOST_NODES,
            "axes": MAX_RANK,
            "pairs": MOST_PAIRS,
        },
        "libraries": libraries(),
    }


@cache
def libraries() -> dict[str, str]:
    """The versions of Python and of those libraries that are installed."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
